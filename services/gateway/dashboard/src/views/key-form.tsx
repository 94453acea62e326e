import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import * as api from "../api/account-routes.ts";
import type { ApiError } from "../api/errors.ts";
import type { ApiKey, CreatedKey, Scope } from "../api/types.ts";
import { Dialog } from "../components/dialog.tsx";
import { Field } from "../components/field.tsx";
import { Problem } from "../components/problem.tsx";
import { Segmented } from "../components/segmented.tsx";
import { SelectField } from "../components/select-field.tsx";
import { ServerWords } from "../components/server-words.tsx";
import { TextArea } from "../components/text-area.tsx";
import { t } from "../i18n/language.ts";
import { violationText } from "../i18n/problem.ts";
import { EXPIRIES, readKeyDraft, scopesOf, type KeyDraft, type KeyProblem } from "../lib/key-form.ts";
import { useAction } from "../lib/use-action.ts";
import { user } from "../state/session.ts";
import { NewKey } from "./new-key.tsx";

interface Props {
  onCreated: (key: ApiKey) => void;
  onClose: () => void;
}

/** The form of a new key, and then the key itself, which is shown once. */
export function KeyFormDialog({ onCreated, onClose }: Props): JSX.Element {
  const { keyForm } = t.value.account;
  const created = useSignal<CreatedKey | null>(null);
  if (created.value !== null) return <NewKey of={created.value} onClose={onClose} />;
  const create = (key: CreatedKey): void => {
    created.value = key;
    onCreated(key);
  };
  return (
    <Dialog title={keyForm.title} onClose={onClose}>
      <KeyForm onCreated={create} onClose={onClose} />
    </Dialog>
  );
}

function KeyForm({ onCreated, onClose }: { onCreated: (key: CreatedKey) => void; onClose: () => void }): JSX.Element {
  const { actions, account } = t.value;
  const { keyForm } = account;
  const draft = useSignal<KeyDraft>({ name: "", scopes: null, expiry: "quarter", addresses: "" });
  const isChecked = useSignal(false);
  const action = useAction();
  const edit = (change: Partial<KeyDraft>): void => {
    action.reset();
    draft.value = { ...draft.value, ...change };
  };

  const read = readKeyDraft(draft.value, Date.now());
  const problems = isChecked.value && "problems" in read ? read.problems : {};
  const rejected = violationsOf(action.error.value);
  const words = (problem: KeyProblem | undefined): string | undefined => {
    if (problem === undefined) return undefined;
    const texts = keyForm.problems;
    return problem.kind === "notAnAddress" ? texts.notAnAddress(problem.text) : texts[problem.kind];
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    isChecked.value = true;
    const { wanted } = "wanted" in read ? read : { wanted: null };
    if (wanted) void action.run(async () => onCreated(await api.createKey(wanted)));
  };

  return (
    <form onSubmit={submit} noValidate>
      <Field
        label={keyForm.name}
        name="name"
        value={draft.value.name}
        onInput={(name) => edit({ name })}
        placeholder={keyForm.namePlaceholder}
        hint={keyForm.nameHint}
        error={words(problems.name) ?? rejected("name")}
        autoFocus
      />
      <Scopes
        value={draft.value.scopes}
        onChange={(scopes) => edit({ scopes })}
        error={words(problems.scopes) ?? rejected("scopes")}
      />
      <SelectField
        label={keyForm.expires}
        name="expiry"
        options={EXPIRIES.map((value) => ({ value, label: keyForm.expiries[value] }))}
        value={draft.value.expiry}
        onChange={(expiry) => edit({ expiry })}
      />
      <TextArea
        label={keyForm.addresses}
        name="addresses"
        rows={2}
        value={draft.value.addresses}
        onInput={(addresses) => edit({ addresses })}
        placeholder={keyForm.addressesPlaceholder}
        hint={keyForm.addressesHint}
        error={words(problems.ip_allow) ?? rejected("ip_allow")}
      />
      {action.error.value && <Problem error={action.error.value} />}
      <div class="row end">
        <button type="button" class="button" onClick={onClose}>
          {actions.cancel}
        </button>
        <button type="submit" class="button primary" disabled={action.isBusy.value}>
          {action.isBusy.value ? keyForm.creating : keyForm.create}
        </button>
      </div>
    </form>
  );
}

/** The server's violation of a field, whichever part of the field it is about. */
function violationsOf(error: ApiError | null): (field: string) => JSX.Element | undefined {
  return (field) => {
    const violation = error?.fields.find(({ loc }) => loc.includes(field));
    return violation && <ServerWords {...violationText(violation)} />;
  };
}

interface ScopesProps {
  value: ReadonlySet<Scope> | null;
  onChange: (scopes: ReadonlySet<Scope> | null) => void;
  error: JSX.Element | string | undefined;
}

/** All rights, or chosen ones with what each of them permits. */
function Scopes({ value, onChange, error }: ScopesProps): JSX.Element {
  const { keyForm, scopes: meanings } = t.value.account;
  const id = useId();
  const toggle = (scope: Scope, isChosen: boolean): void => {
    const next = new Set(value);
    if (isChosen) next.add(scope);
    else next.delete(scope);
    onChange(next);
  };
  return (
    <div class="field">
      <span class="label" aria-hidden="true">
        {keyForm.rights}
      </span>
      <Segmented
        label={keyForm.rights}
        options={[
          { value: "all", label: keyForm.allRights },
          { value: "some", label: keyForm.someRights },
        ]}
        value={value === null ? "all" : "some"}
        onChange={(chosen) => onChange(chosen === "all" ? null : new Set())}
      />
      {value !== null && (
        <fieldset class="scopes" aria-describedby={error ? `${id}-note` : undefined}>
          <legend class="visually-hidden">{keyForm.scopes}</legend>
          {scopesOf(user.value?.role ?? "reader").map((scope) => (
            <label key={scope}>
              <input
                type="checkbox"
                name="scope"
                value={scope}
                checked={value.has(scope)}
                onChange={(event) => toggle(scope, event.currentTarget.checked)}
              />
              <span>{meanings[scope]}</span>
              <code>{scope}</code>
            </label>
          ))}
        </fieldset>
      )}
      {error && (
        <p id={`${id}-note`} class="error" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
