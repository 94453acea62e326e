import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import * as api from "../api/admin-routes.ts";
import { Dialog } from "../components/dialog.tsx";
import { Field } from "../components/field.tsx";
import { Problem } from "../components/problem.tsx";
import { Segmented } from "../components/segmented.tsx";
import { SelectField } from "../components/select-field.tsx";
import { t } from "../i18n/language.ts";
import { nameOf } from "../i18n/slug.ts";
import { EXPIRIES } from "../lib/key-form.ts";
import { QUOTA, readLimitDraft, type LimitDraft } from "../lib/limit-form.ts";
import { useAction } from "../lib/use-action.ts";
import { showToast } from "../state/toasts.ts";

/** Those that count for each user: the others know no user or key. */
const USER_POLICIES = ["market", "analytics", "price", "alerts", "write", "me", "stream_connect", "admin"];
const SUBJECTS = ["user", "key"] as const;

interface Props {
  /** The user that it is for, when that is known already. */
  userId?: string;
  policies?: string[] | undefined;
  onSet: () => void;
  onClose: () => void;
}

/** The form of a limit for one user or key. */
export function LimitForm({ userId, policies = USER_POLICIES, onSet, onClose }: Props): JSX.Element {
  const { account, actions, admin } = t.value;
  const { form } = admin.limits;
  const draft = useSignal<LimitDraft>({
    subject: "user",
    id: userId ?? "",
    policy: "market",
    limit: "",
    windowSeconds: "60",
    expiry: "never",
  });
  const isChecked = useSignal(false);
  const action = useAction();
  const { subject, id, policy, limit, windowSeconds, expiry } = draft.value;
  const isQuota = policy === QUOTA;
  const read = readLimitDraft(draft.value, Date.now());
  const problems = isChecked.value && "problems" in read ? read.problems : {};
  const edit = (change: Partial<LimitDraft>): void => {
    action.reset();
    draft.value = { ...draft.value, ...change };
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    isChecked.value = true;
    const { wanted } = "wanted" in read ? read : { wanted: null };
    if (!wanted) return;
    void action.run(async () => {
      const set = await api.setLimit(wanted);
      showToast(() => t.value.admin.limits.added(nameOf(t.value.account.policies, set.policy)));
      onSet();
      onClose();
    });
  };
  // All keys of a user share one quota.
  const names = [...new Set([...policies, ...(subject === "user" ? [QUOTA] : [])])];
  return (
    <Dialog title={form.title} onClose={onClose}>
      <form onSubmit={submit} noValidate>
        {userId === undefined && (
          <div class="field">
            <span class="label" aria-hidden="true">
              {form.subject}
            </span>
            <Segmented
              label={form.subject}
              options={SUBJECTS.map((value) => ({ value, label: form.subjects[value] }))}
              value={subject}
              onChange={(value) => edit({ subject: value, ...(isQuota && value === "key" && { policy: "market" }) })}
            />
          </div>
        )}
        <Field
          label={form.ids[subject]}
          name="subject_id"
          value={id}
          onInput={(value) => edit({ id: value })}
          hint={form.idHint}
          error={problems.id && form.problems[problems.id]}
          autoFocus={userId === undefined}
        />
        <SelectField
          label={form.policy}
          name="policy"
          options={names.map((value) => ({ value, label: nameOf(account.policies, value) }))}
          value={policy}
          onChange={(value) => edit({ policy: value })}
          hint={isQuota ? form.perMonth : form.perWindow}
        />
        <div class="field-row">
          <Field
            label={form.limit}
            name="limit"
            inputMode="numeric"
            value={limit}
            onInput={(value) => edit({ limit: value })}
            error={problems.limit && form.problems[problems.limit]}
          />
          {!isQuota && (
            <Field
              label={form.window}
              name="window_seconds"
              inputMode="numeric"
              value={windowSeconds}
              onInput={(value) => edit({ windowSeconds: value })}
              error={problems.window_seconds && form.problems[problems.window_seconds]}
            />
          )}
        </div>
        <SelectField
          label={form.expires}
          name="expiry"
          options={EXPIRIES.map((value) => ({ value, label: account.keyForm.expiries[value] }))}
          value={expiry}
          onChange={(value) => edit({ expiry: value })}
        />
        {action.error.value && <Problem error={action.error.value} />}
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            {actions.cancel}
          </button>
          <button type="submit" class="button primary" disabled={action.isBusy.value}>
            {action.isBusy.value ? form.creating : form.create}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
