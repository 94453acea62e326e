import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import * as api from "../api/admin-routes.ts";
import type { AuditEntry } from "../api/types.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { SearchInput } from "../components/search-input.tsx";
import { Section } from "../components/section.tsx";
import { dateTime } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { nameOf } from "../i18n/slug.ts";
import { auditQuery, detailLines, isFiltered, NO_FILTER, type AuditFilter } from "../lib/audit-filter.ts";
import { useDebounced } from "../lib/debounce.ts";
import { shortId } from "../lib/ids.ts";
import { PagedList, useLoaded } from "../lib/resource.ts";
import { user } from "../state/session.ts";
import { Loaded } from "./loaded.tsx";
import { MoreButton } from "./more-button.tsx";

/** Who changed what, newest first. */
export function Audit(): JSX.Element {
  const { audit: texts, loading, refresh } = t.value.admin;
  const filter = useMemo(() => signal(NO_FILTER), []);
  const entries = useLoaded(
    () => new PagedList("admin", (cursor, abort) => api.audit(auditQuery(filter.peek()) ?? {}, cursor, abort)),
  );
  const query = auditQuery(filter.value);
  const list = entries.items.value;
  const reload = (): void => {
    // An unfinished id asks nothing.
    if (auditQuery(filter.peek()) !== null) void entries.load();
  };
  const reloadSoon = useDebounced(reload);
  const narrow = (change: Partial<AuditFilter>): void => {
    filter.value = { ...filter.value, ...change };
    reload();
  };
  const type = (change: Partial<AuditFilter>): void => {
    filter.value = { ...filter.value, ...change };
    reloadSoon();
  };
  return (
    <Section
      title={texts.title}
      class="audit"
      actions={
        <button type="button" class="button" disabled={entries.isLoading.value} onClick={reload}>
          {refresh}
        </button>
      }
    >
      <p class="section-lead">{texts.about}</p>
      <div class="list-tools" role="search" aria-label={texts.filters}>
        <select
          name="action"
          aria-label={texts.action}
          value={filter.value.action}
          onChange={(event) => narrow({ action: event.currentTarget.value })}
        >
          <option value="">{texts.allActions}</option>
          {Object.entries(texts.actions).map(([action, name]) => (
            <option key={action} value={action}>
              {name}
            </option>
          ))}
        </select>
        <SearchInput
          name="actor"
          label={texts.actor}
          placeholder={texts.actorPlaceholder}
          value={filter.value.actor}
          onInput={(actor) => type({ actor })}
          isInvalid={query === null}
        />
        <SearchInput
          name="target"
          label={texts.target}
          placeholder={texts.targetPlaceholder}
          value={filter.value.target}
          onInput={(target) => type({ target })}
        />
      </div>
      {query === null && (
        <p class="hint" role="status">
          {texts.notAnId}
        </p>
      )}
      <Loaded
        from={entries}
        label={loading}
        isEmpty={list === null ? undefined : list.length === 0}
        empty={
          isFiltered(filter.value) ? (
            <>
              {texts.noMatch}{" "}
              <button type="button" class="link" onClick={() => narrow(NO_FILTER)}>
                {t.value.alerts.showAll}
              </button>
            </>
          ) : (
            texts.empty
          )
        }
      >
        <Entries
          entries={list ?? []}
          onActor={(actor) => narrow({ actor })}
          onTarget={(target) => narrow({ target })}
        />
        <MoreButton of={entries} />
      </Loaded>
    </Section>
  );
}

interface EntriesProps {
  entries: AuditEntry[];
  onActor: (id: string) => void;
  onTarget: (target: string) => void;
}

function Entries({ entries, onActor, onTarget }: EntriesProps): JSX.Element {
  const { audit: texts } = t.value.admin;
  const { columns: labels } = texts;
  const columns: Column<AuditEntry>[] = [
    { name: "at", label: labels.at, cell: ({ at }) => dateTime(at) },
    { name: "action", label: labels.action, cell: ({ action }) => nameOf(texts.actions, action) },
    {
      name: "actor",
      label: labels.actor,
      cell: ({ actor_id: id }) =>
        id == null ? texts.platform : <FilterLink value={id} label={texts.onlyActor} onChoose={onActor} />,
    },
    {
      name: "target",
      label: labels.target,
      cell: ({ target }) => <FilterLink value={target} label={texts.onlyTarget} onChoose={onTarget} />,
    },
    { name: "details", label: labels.details, cell: (entry) => <Details of={entry} /> },
  ];
  return <DataTable label={texts.title} columns={columns} rows={entries} keyOf={({ id }) => String(id)} />;
}

interface FilterLinkProps {
  value: string;
  label: (shown: string) => string;
  onChoose: (value: string) => void;
}

/** An id or an address, which filters by itself. Its name contains what is seen of it. */
function FilterLink({ value, label, onChoose }: FilterLinkProps): JSX.Element {
  const isOwn = value === user.value?.id;
  const shown = isOwn ? t.value.admin.audit.you : shortId(value);
  return (
    <button type="button" class="link" title={value} aria-label={label(shown)} onClick={() => onChoose(value)}>
      {isOwn ? shown : <code>{shown}</code>}
    </button>
  );
}

function Details({ of }: { of: AuditEntry }): JSX.Element | null {
  const { audit: texts } = t.value.admin;
  const lines = detailLines(of.details);
  if (lines.length === 0 && of.request_id == null) return null;
  return (
    <details class="entry-details">
      <summary>{texts.details}</summary>
      <dl>
        {lines.map(([name, value]) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
      </dl>
      {of.request_id != null && <p class="muted">{texts.request(of.request_id)}</p>}
    </details>
  );
}
