import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { ApiError } from "../api/errors.ts";
import * as api from "../api/routes.ts";
import type { DemoAccount } from "../api/types.ts";
import { CopyButton } from "../components/copy-button.tsx";
import { Field } from "../components/field.tsx";
import { Logo } from "../components/icons.tsx";
import { Problem } from "../components/problem.tsx";
import { ServerWords } from "../components/server-words.tsx";
import { t } from "../i18n/language.ts";
import { problemText, violationText } from "../i18n/problem.ts";
import { useAction, type Action } from "../lib/use-action.ts";
import { signOutReason, signIn } from "../state/session.ts";
import { Preferences } from "./preferences.tsx";

/** Sign-in with an API key, with a new account, or with the account of a demo. */
export function SignIn(): JSX.Element {
  const { appName, signIn: texts } = t.value;
  const mode = useSignal<"key" | "register">("key");
  const demo = useSignal<DemoAccount | null>(null);
  const remember = useSignal(false);
  const action = useAction();
  const busy = action.isBusy.value;
  const error = action.error.value;

  useEffect(() => {
    api.demoAccount().then(
      (account) => (demo.value = account),
      () => undefined, // Only a demo has this account.
    );
  }, [demo]);

  const enter = (key: string): Promise<void> => action.run(() => signIn(key, remember.value));
  const switchTo = (next: "key" | "register"): void => {
    mode.value = next;
    action.reset();
  };

  return (
    <main class="sign-in" id="main">
      <div class="brand">
        <Logo />
        <h1>{appName}</h1>
      </div>
      <p class="lead">{texts.lead}</p>
      {signOutReason.value && !error && (
        <p class="problem" role="alert">
          <SignOutReason />
        </p>
      )}
      {demo.value && (
        <div class="demo">
          <button
            type="button"
            class="button primary wide"
            disabled={busy}
            onClick={() => void enter(demo.value?.api_key ?? "")}
          >
            {texts.openDemo}
          </button>
          <p class="divider">
            <span>{texts.or}</span>
          </p>
        </div>
      )}
      {mode.value === "key" ? (
        <KeyForm busy={busy} error={error} primary={!demo.value} onSubmit={(key) => void enter(key)} />
      ) : (
        <RegisterForm busy={busy} error={error} run={action.run} onEnter={(key) => void enter(key)} />
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={remember.value}
          onChange={(event) => (remember.value = event.currentTarget.checked)}
        />
        {texts.remember}
      </label>
      <p class="switch-mode">
        {mode.value === "key" ? texts.noAccount : texts.haveKey}{" "}
        <button type="button" class="link" onClick={() => switchTo(mode.value === "key" ? "register" : "key")}>
          {mode.value === "key" ? texts.createOne : texts.useKey}
        </button>
      </p>
      <Preferences />
    </main>
  );
}

function SignOutReason(): JSX.Element | null {
  const reason = signOutReason.value;
  if (reason === null) return null;
  return reason === "other-tab" ? <>{t.value.signIn.loggedOutElsewhere}</> : <ServerWords {...problemText(reason)} />;
}

interface KeyFormProps {
  busy: boolean;
  error: ApiError | null;
  primary: boolean;
  onSubmit: (key: string) => void;
}

function KeyForm({ busy, error, primary, onSubmit }: KeyFormProps): JSX.Element {
  const { signIn: texts } = t.value;
  const key = useSignal("");
  const missing = useSignal(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    const trimmed = key.value.trim();
    missing.value = trimmed === "";
    if (trimmed) onSubmit(trimmed);
  };
  return (
    <form onSubmit={submit} noValidate>
      <Field
        label={texts.key}
        name="key"
        type="password"
        value={key.value}
        onInput={(value) => (key.value = value)}
        placeholder={texts.keyPlaceholder}
        error={missing.value ? texts.keyMissing : undefined}
      />
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

function RegisterForm({ busy, error, run, onEnter }: RegisterFormProps): JSX.Element {
  const { signIn: texts } = t.value;
  const email = useSignal("");
  const issued = useSignal<string | null>(null);
  const violation = error?.fields.find((field) => field.loc.at(-1) === "email");

  if (issued.value !== null) {
    const key = issued.value;
    return (
      <div class="new-key">
        <p>
          <strong>{texts.shownOnce}</strong> {texts.keepIt}
        </p>
        <code class="secret" tabIndex={0} aria-label={texts.yourKey}>
          {key}
        </code>
        <div class="row">
          <CopyButton text={key} label={texts.copyKey} />
          <button type="button" class="button primary" disabled={busy} onClick={() => onEnter(key)}>
            {texts.saved}
          </button>
        </div>
        {error && <Problem error={error} />}
      </div>
    );
  }
  const submit = (event: Event): void => {
    event.preventDefault();
    void run(async () => {
      issued.value = (await api.register(email.value.trim())).api_key;
    });
  };
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
        error={violation && <ServerWords {...violationText(violation)} />}
      />
      {error && !violation && <Problem error={error} />}
      <button type="submit" class="button primary wide" disabled={busy}>
        {busy ? texts.creating : texts.create}
      </button>
    </form>
  );
}
