import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { rateBudget } from "../api/client.ts";
import * as api from "../api/routes.ts";
import type { DeliverySummary } from "../api/types.ts";
import { remedyOf, testWords } from "../i18n/delivery.ts";
import { t } from "../i18n/language.ts";
import { now } from "../lib/visibility.ts";

const INTERVAL_MS = 1_500;

/** What became of a test message, until that is certain or the details are closed. */
export function TestMessage({ id }: { id: string }): JSX.Element {
  const delivery = useSignal<DeliverySummary | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    const follow = async (): Promise<void> => {
      do {
        await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
        await rateBudget.turn("alerts", controller.signal);
        // A failure of this request says nothing about the message.
        const detail = await api.delivery(id, controller.signal).catch(() => null);
        controller.signal.throwIfAborted();
        if (detail) delivery.value = detail.delivery;
      } while (delivery.value === null || delivery.value.status === "pending");
    };
    delivery.value = null;
    follow().catch(() => undefined); // Only by the abort.
    return () => controller.abort();
  }, [id, delivery]);

  const { endpoint } = t.value;
  const known = delivery.value;
  const isSent = known !== null && known.attempt > 0;
  const tone = known?.status === "success" ? "success" : isSent ? "failed" : "";
  return (
    <div class="test-message">
      {/* Without the countdown, which would be read out every second. */}
      <p role="status" class="visually-hidden">
        {known && isSent ? testWords(known, 0) : endpoint.testSent}
      </p>
      <p aria-hidden="true" class={`outcome ${tone}`}>
        {known && isSent ? testWords(known, now.value) : endpoint.testWaits}
      </p>
      {known && isSent && known.status !== "success" && <p class="hint">{remedyOf(known)}</p>}
      {known?.response_excerpt && <pre class="excerpt">{known.response_excerpt}</pre>}
      <p class="hint">{endpoint.messageId(id)}</p>
    </div>
  );
}
