import type { JSX } from "preact";
import { Toasts } from "./components/toasts.tsx";
import { signedIn } from "./state/session.ts";
import { dismissToast, toasts } from "./state/toasts.ts";
import { Dashboard } from "./views/dashboard.tsx";
import { SignIn } from "./views/sign-in.tsx";

export function App(): JSX.Element {
  return (
    <>
      {signedIn.value ? <Dashboard /> : <SignIn />}
      <Toasts toasts={toasts.value} onDismiss={dismissToast} />
    </>
  );
}
