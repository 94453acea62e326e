import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import * as api from "../api/routes.ts";
import type { DemoAccount } from "../api/types.ts";
import { Logo } from "../components/icons.tsx";
import { Segmented } from "../components/segmented.tsx";
import { ServerWords } from "../components/server-words.tsx";
import { t } from "../i18n/language.ts";
import { problemText } from "../i18n/problem.ts";
import { useAction } from "../lib/use-action.ts";
import { keepWay, lastWay, WAYS, type Way } from "../state/sign-in-way.ts";
import { logIn, signIn, signOutReason } from "../state/session.ts";
import { Preferences } from "./preferences.tsx";
import { KeyForm, PasswordForm, RegisterForm } from "./sign-in-forms.tsx";

/** Sign-in with an API key or a password, with a new account, or with the account of a demo. */
export function SignIn(): JSX.Element {
  const { appName, signIn: texts } = t.value;
  const way = useSignal<Way>(lastWay());
  const isRegistering = useSignal(false);
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

  const enter = (key: string): void =>
    void action.run(async () => {
      await signIn(key, remember.value);
      keepWay("key");
    });
  const enterByPassword = (username: string, password: string): void =>
    void action.run(async () => {
      await logIn(username, password, remember.value);
      keepWay("password");
    });
  const choose = (next: Way): void => {
    way.value = next;
    action.reset();
  };
  const register = (next: boolean): void => {
    isRegistering.value = next;
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
            onClick={() => enter(demo.value?.api_key ?? "")}
          >
            {texts.openDemo}
          </button>
          <p class="divider">
            <span>{texts.or}</span>
          </p>
        </div>
      )}
      {isRegistering.value ? (
        <RegisterForm busy={busy} error={error} run={action.run} onEnter={enter} />
      ) : (
        <>
          <Segmented
            label={texts.way}
            options={WAYS.map((value) => ({ value, label: texts.ways[value] }))}
            value={way.value}
            onChange={choose}
          />
          {way.value === "key" ? (
            <KeyForm busy={busy} error={error} primary={!demo.value} onSubmit={enter} />
          ) : (
            <PasswordForm busy={busy} error={error} primary={!demo.value} onSubmit={enterByPassword} />
          )}
        </>
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
        {isRegistering.value ? texts.haveKey : texts.noAccount}{" "}
        <button type="button" class="link" onClick={() => register(!isRegistering.value)}>
          {isRegistering.value ? texts.useKey : texts.createOne}
        </button>
      </p>
      <Preferences />
    </main>
  );
}

function SignOutReason(): JSX.Element | null {
  const { signIn: texts } = t.value;
  const reason = signOutReason.value;
  if (reason === null) return null;
  if (reason === "other-tab") return <>{texts.loggedOutElsewhere}</>;
  if (reason.type === "refresh_reused") return <>{texts.sessionReused}</>;
  if (reason.type === "invalid_token" || reason.type === "token_expired") return <>{texts.sessionEnded}</>;
  return <ServerWords {...problemText(reason)} />;
}
