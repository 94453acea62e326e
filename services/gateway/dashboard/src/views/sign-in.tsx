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
import { ThemeSelect } from "../components/theme-select.tsx";
import { useAction, type Action } from "../lib/use-action.ts";
import { signOutReason, signIn } from "../state/session.ts";
import { chooseTheme, themeChoice } from "../state/theme.ts";

/** Sign-in with an API key, with a new account, or with the account of a demo. */
export function SignIn(): JSX.Element {
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
        <h1>CryptoLens</h1>
      </div>
      <p class="lead">Prices you can trust and explain, with risk and alerts.</p>
      {signOutReason.value && !error && (
        <p class="problem" role="alert">
          {signOutReason.value}
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
            Open the demo account
          </button>
          <p class="divider">
            <span>or</span>
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
        Stay signed in on this device
      </label>
      <p class="switch-mode">
        {mode.value === "key" ? "No account yet?" : "Already have a key?"}{" "}
        <button type="button" class="link" onClick={() => switchTo(mode.value === "key" ? "register" : "key")}>
          {mode.value === "key" ? "Create one" : "Sign in with it"}
        </button>
      </p>
      <ThemeSelect choice={themeChoice.value} onChoose={chooseTheme} />
    </main>
  );
}

interface KeyFormProps {
  busy: boolean;
  error: ApiError | null;
  primary: boolean;
  onSubmit: (key: string) => void;
}

function KeyForm({ busy, error, primary, onSubmit }: KeyFormProps): JSX.Element {
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
        label="API key"
        name="key"
        type="password"
        value={key.value}
        onInput={(value) => (key.value = value)}
        placeholder="sk_live_…"
        error={missing.value ? "Paste your API key." : undefined}
      />
      {error && <Problem error={error} />}
      <button type="submit" class={`button wide ${primary ? "primary" : ""}`} disabled={busy}>
        {busy ? "Checking…" : "Sign in"}
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
  const email = useSignal("");
  const issued = useSignal<string | null>(null);
  const problem = error?.fields.find((field) => field.loc.at(-1) === "email")?.msg;

  if (issued.value !== null) {
    const key = issued.value;
    return (
      <div class="new-key">
        <p>
          <strong>This is your API key. It is shown only this once.</strong> Keep it where you keep passwords.
        </p>
        <code class="secret" tabIndex={0} aria-label="Your API key">
          {key}
        </code>
        <div class="row">
          <CopyButton text={key} what="the API key" />
          <button type="button" class="button primary" disabled={busy} onClick={() => onEnter(key)}>
            I have saved it: continue
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
        label="E-mail"
        name="email"
        type="email"
        inputMode="email"
        autoComplete="email"
        value={email.value}
        onInput={(value) => (email.value = value)}
        placeholder="you@example.com"
        error={problem}
      />
      {error && !problem && <Problem error={error} />}
      <button type="submit" class="button primary wide" disabled={busy}>
        {busy ? "Creating…" : "Create account"}
      </button>
    </form>
  );
}
