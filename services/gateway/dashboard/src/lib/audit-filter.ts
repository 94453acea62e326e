import type { AuditQuery } from "../api/admin-routes.ts";
import { isId } from "./ids.ts";

/** What the audit is filtered by, as it was entered; empty for everything. */
export interface AuditFilter {
  action: string;
  actor: string;
  target: string;
}

export const NO_FILTER: AuditFilter = { action: "", actor: "", target: "" };

export const isFiltered = ({ action, actor, target }: AuditFilter): boolean => (action + actor + target).trim() !== "";

/** The query of a filter; `null` while its actor is no id, which the server would refuse. */
export function auditQuery({ action, actor, target }: AuditFilter): AuditQuery | null {
  const id = actor.trim().toLowerCase();
  if (id !== "" && !isId(id)) return null;
  const query: AuditQuery = {};
  if (action !== "") query.action = action;
  if (id !== "") query.actor_id = id;
  if (target.trim() !== "") query.target = target.trim();
  return query;
}

/** Details of an entry in one line each, deepest names with dots: `{"role":{"from":"reader"}}` is `role.from reader`. */
export function detailLines(details: unknown, path = ""): [name: string, value: string][] {
  if (typeof details !== "object" || details === null || Array.isArray(details))
    return [[path, typeof details === "string" ? details : JSON.stringify(details)]];
  return Object.entries(details).flatMap(([name, value]) => detailLines(value, path ? `${path}.${name}` : name));
}
