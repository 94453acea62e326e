import type { JSX } from "preact";
import { Notices } from "./components/notices.tsx";
import { signedIn } from "./state/session.ts";
import { Dashboard } from "./views/dashboard.tsx";
import { SignIn } from "./views/sign-in.tsx";

export function App(): JSX.Element {
  return (
    <>
      {signedIn.value ? <Dashboard /> : <SignIn />}
      <Notices />
    </>
  );
}
