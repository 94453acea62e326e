import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import type { ApiError } from "../api/errors.ts";
import * as api from "../api/routes.ts";
import { Field } from "../components/field.tsx";
import { Problem } from "../components/problem.tsx";
import { SecretOnce } from "../components/secret-once.tsx";
import { ServerWords } from "../components/server-words.tsx";
import { t } from "../i18n/language.ts";
import { violationText } from "../i18n/problem.ts";
import { passwordProblem } from "../lib/password-form.ts";
import type { Action } from "../lib/use-action.ts";

interface FormProps {
  busy: boolean;
  error: ApiError | null;
  primary: boolean;
}

export function KeyForm({ onSubmit, ...props }: FormProps & { onSubmit: (key: string) => void }): JSX.Element {
  const { signIn: texts } = t.value;
  const key = useSignal("");
  const missing = useSignal(false);
  const submit = (): void => {
    const trimmed = key.value.trim();
    missing.value = trimmed === "";
    if (trimmed) onSubmit(trimmed);
  };
  return (
    <CredentialForm {...props} onSubmit={submit}>
      <Field
        label={texts.key}
        name="key"
        type="password"
        value={key.value}
        onInput={(value) => (key.value = value)}
        placeholder={texts.keyPlaceholder}
        error={missing.value ? texts.keyMissing : undefined}
      />
    </CredentialForm>
  );
}

interface PasswordFormProps extends FormProps {
  onSubmit: (username: string, password: string) => void;
}

export function PasswordForm({ onSubmit, ...props }: PasswordFormProps): JSX.Element {
  const { signIn: texts } = t.value;
  const username = useSignal("");
  const password = useSignal("");
  const isChecked = useSignal(false);
  const submit = (): void => {
    isChecked.value = true;
    const name = username.value.trim();
    if (name && password.value) onSubmit(name, password.value);
  };
  return (
    <CredentialForm {...props} onSubmit={submit}>
      <Field
        label={texts.username}
        name="username"
        autoComplete="username"
        value={username.value}
        onInput={(value) => (username.value = value)}
        error={isChecked.value && !username.value.trim() ? texts.usernameMissing : undefined}
      />
      <Field
        label={texts.password}
        name="password"
        type="password"
        autoComplete="current-password"
        value={password.value}
        onInput={(value) => (password.value = value)}
        error={isChecked.value && !password.value ? texts.passwordMissing : undefined}
      />
    </CredentialForm>
  );
}

interface CredentialFormProps extends FormProps {
  onSubmit: () => void;
  children: ComponentChildren;
}

function CredentialForm({ busy, error, primary, onSubmit, children }: CredentialFormProps): JSX.Element {
  const { signIn: texts } = t.value;
  const submit = (event: Event): void => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form onSubmit={submit} noValidate>
      {children}
      {error && <Problem error={error} />}
      <button type="submit" class={`button wide ${primary ? "primary" : ""}`} disabled={busy}>
        {busy ? texts.checking : texts.submit}
      </button>
    </form>
  );
}

interface RegisterFormProps {
  busy: boolean;
  error: ApiError | null;
  run: Action["run"];
  onEnter: (key: string) => void;
}

export function RegisterForm({ busy, error, run, onEnter }: RegisterFormProps): JSX.Element {
  const { account, signIn: texts } = t.value;
  const email = useSignal("");
  const password = useSignal("");
  const isChecked = useSignal(false);
  const issued = useSignal<string | null>(null);

  if (issued.value !== null) {
    const key = issued.value;
    return (
      <>
        <SecretOnce
          secret={key}
          label={texts.yourKey}
          copyLabel={texts.copyKey}
          warning={texts.shownOnce}
          advice={texts.keepIt}
        >
          <button type="button" class="button primary" disabled={busy} onClick={() => onEnter(key)}>
            {texts.saved}
          </button>
        </SecretOnce>
        {error && <Problem error={error} />}
      </>
    );
  }
  const violationOf = (field: string): JSX.Element | undefined => {
    const violation = error?.fields.find(({ loc }) => loc.at(-1) === field);
    return violation && <ServerWords {...violationText(violation)} />;
  };
  const problem = password.value === "" ? null : passwordProblem(password.value);
  const submit = (event: Event): void => {
    event.preventDefault();
    isChecked.value = true;
    if (problem !== null) return;
    void run(async () => {
      issued.value = (await api.register(email.value.trim(), password.value || undefined)).api_key;
    });
  };
  const rejected = { email: violationOf("email"), password: violationOf("password") };
  return (
    <form onSubmit={submit} noValidate>
      <Field
        label={texts.email}
        name="email"
        type="email"
        inputMode="email"
        autoComplete="email"
        value={email.value}
        onInput={(value) => (email.value = value)}
        placeholder={texts.emailPlaceholder}
        error={rejected.email}
      />
      <Field
        label={texts.newPassword}
        name="new_password"
        type="password"
        autoComplete="new-password"
        value={password.value}
        onInput={(value) => (password.value = value)}
        hint={texts.newPasswordHint}
        error={isChecked.value && problem !== null ? account.security.problems[problem] : rejected.password}
      />
      {error && !rejected.email && !rejected.password && <Problem error={error} />}
      <button type="submit" class="button primary wide" disabled={busy}>
        {busy ? texts.creating : texts.create}
      </button>
    </form>
  );
}
