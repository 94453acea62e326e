import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import * as api from "../api/routes.ts";
import type { Alert } from "../api/types.ts";
import { CopyButton } from "../components/copy-button.tsx";
import { MarkedText } from "../components/marked-text.tsx";
import { Problem } from "../components/problem.tsx";
import { disabledWords } from "../i18n/alert-state.ts";
import { t } from "../i18n/language.ts";
import { useAction } from "../lib/use-action.ts";
import { enable, endpointOf } from "../state/alerts.ts";
import { TestMessage } from "./test-message.tsx";

const EXAMPLE = `from standardwebhooks import Webhook

Webhook(secret).verify(request.body, request.headers)`;

/** The endpoint of an alert's webhook: its state, its signing secret and a test message. */
export function Endpoint({ alert }: { alert: Alert }): JSX.Element {
  const { endpoint } = t.value;
  const secret = useSignal<string | null>(null);
  const sent = useSignal<string | null>(null);
  const action = useAction();
  const busy = action.isBusy.value;
  const error = action.error.value;
  const id = alert.webhook_endpoint_id;
  const known = endpointOf(alert);
  const disabled = known && disabledWords(known);

  const reveal = (): Promise<void> =>
    action.run(async () => {
      secret.value = (await api.endpointSecret(id)).secret;
    });
  const sendTest = (): Promise<void> =>
    action.run(async () => {
      sent.value = (await api.testEndpoint(id)).id;
    });

  return (
    <section>
      <h3>{endpoint.title}</h3>
      {disabled && (
        <div class="problem" role="status">
          <p>{disabled}</p>
          <button type="button" class="button" disabled={busy} onClick={() => void action.run(() => enable(id))}>
            {endpoint.enable}
          </button>
        </div>
      )}
      {secret.value === null ? (
        <p class="hint">{endpoint.signed}</p>
      ) : (
        <code class="secret" tabIndex={0} aria-label={endpoint.secret}>
          {secret.value}
        </code>
      )}
      <div class="row">
        {secret.value === null ? (
          <button type="button" class="button" disabled={busy} onClick={() => void reveal()}>
            {endpoint.reveal}
          </button>
        ) : (
          <>
            <CopyButton text={secret.value} label={endpoint.copySecret} />
            <button type="button" class="button" onClick={() => (secret.value = null)}>
              {endpoint.hide}
            </button>
          </>
        )}
        <button type="button" class="button" disabled={busy} onClick={() => void sendTest()}>
          {endpoint.sendTest}
        </button>
      </div>
      {sent.value && <TestMessage key={sent.value} id={sent.value} />}
      {error && <Problem error={error} />}
      <details class="disclosure">
        <summary>{endpoint.verify}</summary>
        <p>
          <MarkedText text={endpoint.verifyAbout} />
        </p>
        <pre tabIndex={0} aria-label={endpoint.example}>
          {EXAMPLE}
        </pre>
      </details>
    </section>
  );
}
