import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import * as api from "../api/routes.ts";
import type { Alert } from "../api/types.ts";
import { CopyButton } from "../components/copy-button.tsx";
import { Problem } from "../components/problem.tsx";
import { disabledWords } from "../lib/alert-state.ts";
import { useAction } from "../lib/use-action.ts";
import { enable, endpointOf } from "../state/alerts.ts";
import { TestMessage } from "./test-message.tsx";

const EXAMPLE = `from standardwebhooks import Webhook

Webhook(secret).verify(request.body, request.headers)`;

/** The endpoint of an alert's webhook: its state, its signing secret and a test message. */
export function Endpoint({ alert }: { alert: Alert }): JSX.Element {
  const secret = useSignal<string | null>(null);
  const sent = useSignal<string | null>(null);
  const action = useAction();
  const busy = action.isBusy.value;
  const error = action.error.value;
  const id = alert.webhook_endpoint_id;
  const endpoint = endpointOf(alert);
  const disabled = endpoint && disabledWords(endpoint);

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
      <h3>Endpoint</h3>
      {disabled && (
        <div class="problem" role="status">
          <p>{disabled}</p>
          <button type="button" class="button" disabled={busy} onClick={() => void action.run(() => enable(id))}>
            Enable again
          </button>
        </div>
      )}
      {secret.value === null ? (
        <p class="hint">Each call is signed with this endpoint's secret, so your server can tell that it is genuine.</p>
      ) : (
        <code class="secret" tabIndex={0} aria-label="Signing secret">
          {secret.value}
        </code>
      )}
      <div class="row">
        {secret.value === null ? (
          <button type="button" class="button" disabled={busy} onClick={() => void reveal()}>
            Reveal secret
          </button>
        ) : (
          <>
            <CopyButton text={secret.value} what="the secret" />
            <button type="button" class="button" onClick={() => (secret.value = null)}>
              Hide
            </button>
          </>
        )}
        <button type="button" class="button" disabled={busy} onClick={() => void sendTest()}>
          Send test
        </button>
      </div>
      {sent.value && <TestMessage key={sent.value} id={sent.value} />}
      {error && <Problem error={error} />}
      <details class="disclosure">
        <summary>How to verify the signature</summary>
        <p>
          Compute HMAC-SHA-256 over <code>webhook-id.webhook-timestamp.body</code> with the base64 part of the secret,
          and compare it with the <code>webhook-signature</code> header after <code>v1,</code>. Refuse timestamps older
          than five minutes, and remember the id: a call can arrive more than once. Any Standard Webhooks library does
          all of this:
        </p>
        <pre tabIndex={0} aria-label="Example in Python">
          {EXAMPLE}
        </pre>
      </details>
    </section>
  );
}
