/** The routes of administration. */
import { firstAddress } from "../lib/ip-network.ts";
import { request } from "./client.ts";
import type * as T from "./types.ts";

const ADMIN = "/api/v1/admin";
const segment = encodeURIComponent;
/** One screenful and more; the rest comes on demand. */
const PAGE_LIMIT = 50;

type Query = Record<string, string | boolean | undefined>;

async function page<I>(path: string, query: Query, cursor?: string, signal?: AbortSignal): Promise<T.Page<I>> {
  let nextCursor: string | undefined;
  const items = await request<I[]>(`${ADMIN}/${path}`, {
    policy: "admin",
    query: { ...query, limit: PAGE_LIMIT, cursor },
    signal,
    onHeaders: (headers) => (nextCursor = headers.get("X-Next-Cursor") ?? undefined),
  });
  return { items, nextCursor };
}

export interface UserQuery extends Query {
  q?: string;
  role?: string;
  tier?: string;
  is_active?: boolean;
}

export const users = (query: UserQuery, cursor?: string, signal?: AbortSignal): Promise<T.Page<T.AdminUser>> =>
  page("users", query, cursor, signal);

export const changeUser = (id: string, change: T.AdminUserChange): Promise<T.AdminUser> =>
  request(`${ADMIN}/users/${segment(id)}`, { method: "PATCH", policy: "admin", body: change });

export const keysOf = (userId: string, cursor?: string, signal?: AbortSignal): Promise<T.Page<T.AdminKey>> =>
  page("keys", { user_id: userId }, cursor, signal);

export const revokeKey = (id: string): Promise<void> =>
  request(`${ADMIN}/keys/${segment(id)}`, { method: "DELETE", policy: "admin" });

export const limits = async (cursor?: string, signal?: AbortSignal): Promise<T.Page<T.Limits>> => {
  let nextCursor: string | undefined;
  const body = await request<T.Limits>(`${ADMIN}/limits`, {
    policy: "admin",
    query: { limit: PAGE_LIMIT, cursor },
    signal,
    onHeaders: (headers) => (nextCursor = headers.get("X-Next-Cursor") ?? undefined),
  });
  return { items: [body], nextCursor };
};

export const setLimit = (wanted: T.LimitCreate): Promise<T.LimitOverride> =>
  request(`${ADMIN}/limits`, { method: "POST", policy: "admin", body: wanted });

export const removeLimit = (id: string): Promise<void> =>
  request(`${ADMIN}/limits/${segment(id)}`, { method: "DELETE", policy: "admin" });

export const ipBlocks = (signal?: AbortSignal): Promise<T.IpBlock[]> =>
  request(`${ADMIN}/ip-blocks`, { policy: "admin", signal });

export const block = (address: string, seconds: number, comment: string): Promise<T.IpBlock> =>
  request(`${ADMIN}/ip-blocks`, {
    method: "POST",
    policy: "admin",
    body: comment === "" ? { address, seconds } : { address, seconds, comment },
  });

export const lift = (network: string): Promise<void> =>
  request(`${ADMIN}/ip-blocks/${segment(firstAddress(network))}`, { method: "DELETE", policy: "admin" });

export interface AuditQuery extends Query {
  action?: string;
  actor_id?: string;
  target?: string;
}

export const audit = (query: AuditQuery, cursor?: string, signal?: AbortSignal): Promise<T.Page<T.AuditEntry>> =>
  page("audit", query, cursor, signal);
