import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import * as api from "../api/account-routes.ts";
import { Confirm } from "../components/confirm.tsx";
import { Field } from "../components/field.tsx";
import { Problem } from "../components/problem.tsx";
import { Section } from "../components/section.tsx";
import { t } from "../i18n/language.ts";
import { passwordProblems, type PasswordDraft } from "../lib/password-form.ts";
import { useAction } from "../lib/use-action.ts";
import { credential, signOut, user } from "../state/session.ts";
import { showToast } from "../state/toasts.ts";

const EMPTY: PasswordDraft = { current: "", password: "", repeated: "" };

/** The account's password, and the end of all its sessions. */
export function Security(): JSX.Element {
  const { security: texts } = t.value.account;
  const isEnding = useSignal(false);
  const endAll = async (): Promise<void> => {
    await api.logOutEverywhere();
    // A key opens no session on the server, so that of this page goes on.
    if (credential.peek()?.kind === "tokens") signOut();
    showToast(() => t.value.account.security.ended);
  };
  return (
    <Section title={texts.title} class="security">
      <p class="section-lead">{texts.about}</p>
      <PasswordForm />
      <div class="everywhere">
        <p>{texts.everywhereAbout}</p>
        <button type="button" class="button" onClick={() => (isEnding.value = true)}>
          {texts.everywhere}
        </button>
      </div>
      {isEnding.value && (
        <Confirm
          title={texts.confirmEverywhere}
          confirm={texts.everywhere}
          keep={texts.stay}
          onConfirm={endAll}
          onClose={() => (isEnding.value = false)}
        >
          <p>{texts.everywhereAbout}</p>
        </Confirm>
      )}
    </Section>
  );
}

function PasswordForm(): JSX.Element {
  const { security: texts } = t.value.account;
  const draft = useSignal(EMPTY);
  const isChecked = useSignal(false);
  const action = useAction();
  const { current, password, repeated } = draft.value;
  const problems = isChecked.value ? passwordProblems(draft.value) : {};
  const error = action.error.value;
  const isCurrentWrong = error?.type === "password_required";
  const edit = (change: Partial<PasswordDraft>): void => {
    action.reset();
    draft.value = { ...draft.value, ...change };
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    isChecked.value = true;
    if (Object.keys(passwordProblems(draft.value)).length > 0) return;
    void action.run(async () => {
      await api.changePassword(password, current || null);
      draft.value = EMPTY;
      isChecked.value = false;
      showToast(() => t.value.account.security.changed);
    });
  };
  return (
    <form class="password-form" onSubmit={submit} noValidate>
      {/* For password managers, which keep a password with its name. */}
      <input type="hidden" name="username" autoComplete="username" value={user.value?.email ?? ""} />
      <Field
        label={texts.current}
        name="current_password"
        type="password"
        autoComplete="current-password"
        value={current}
        onInput={(value) => edit({ current: value })}
        hint={texts.currentHint}
        error={isCurrentWrong ? texts.currentWrong : undefined}
      />
      <Field
        label={texts.password}
        name="new_password"
        type="password"
        autoComplete="new-password"
        value={password}
        onInput={(value) => edit({ password: value })}
        hint={texts.passwordHint}
        error={problems.password && texts.problems[problems.password]}
      />
      <Field
        label={texts.repeat}
        name="repeated_password"
        type="password"
        autoComplete="new-password"
        value={repeated}
        onInput={(value) => edit({ repeated: value })}
        error={problems.repeated && texts.problems[problems.repeated]}
      />
      {error && !isCurrentWrong && <Problem error={error} />}
      <button type="submit" class="button primary" disabled={action.isBusy.value}>
        {action.isBusy.value ? texts.changing : texts.change}
      </button>
    </form>
  );
}
