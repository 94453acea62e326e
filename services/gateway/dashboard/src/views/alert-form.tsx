import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId, useMemo } from "preact/hooks";
import { ApiError } from "../api/errors.ts";
import type { AlertCreate } from "../api/types.ts";
import { AlertPreview } from "../components/alert-preview.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Field } from "../components/field.tsx";
import { Problem } from "../components/problem.tsx";
import { Segmented } from "../components/segmented.tsx";
import { TargetSuggestions } from "../components/target-suggestions.tsx";
import { targetAt } from "../lib/condition.ts";
import { price } from "../lib/format.ts";
import { readPrice } from "../lib/number-input.ts";
import { assetName } from "../lib/assets.ts";
import { useAction } from "../lib/use-action.ts";
import { clearDraft, draft, editDraft, isCreating, isDraftEmpty, type Draft } from "../state/alert-draft.ts";
import { alerts, create } from "../state/alerts.ts";
import { quotes } from "../state/market.ts";
import { ticker } from "../state/selection.ts";
import { showToast } from "../state/toasts.ts";

const CONDITIONS = [
  { value: "gt", label: "Rises above" },
  { value: "lt", label: "Falls below" },
] as const;

type FieldName = keyof AlertCreate;
type Errors = Partial<Record<FieldName, string | undefined>>;

/** The form of a new alert. What is entered stays until the alert is created, however the form is closed. */
export function AlertForm(): JSX.Element {
  const list = quotes.data.value ?? [];
  const { condition, target, ...entered } = draft.value;
  const asset = entered.ticker ?? ticker.value ?? list[0]?.ticker ?? "";
  // Most people have one endpoint: the one of their newest alert.
  const url = entered.webhookUrl ?? alerts.data.value?.[0]?.webhook_url ?? "";
  const wasKept = useMemo(() => !isDraftEmpty(), []);
  const invalid = useSignal<Errors>({});
  const action = useAction();
  const selectId = useId();

  const current = list.find((quote) => quote.ticker === asset)?.price ?? null;
  const read = readPrice(target);
  const close = (): void => {
    isCreating.value = false;
    // A choice of the asset alone is no draft: the next form opens with the selected one.
    if (isDraftEmpty()) clearDraft();
  };

  const rejected = action.error.value ? errorsByField(action.error.value) : {};
  const errors: Errors = { ...invalid.value, ...rejected };
  // Errors that are shown at a field are not repeated below the form.
  const failure = Object.keys(rejected).length > 0 ? null : action.error.value;

  const edit = (change: Partial<Draft>): void => {
    action.reset();
    // The asset is fixed with the first entry: another one that is selected meanwhile must not take over its target.
    editDraft({ ticker: asset, ...change });
  };
  const editTarget = (text: string): void => {
    edit({ target: text });
    // Not before the person has left the field: an unfinished number is no mistake.
    if (invalid.value.target_price) checkTarget(text);
  };
  const checkTarget = (text: string): void => {
    const now = readPrice(text);
    const problem = "problem" in now && text.trim() ? now.problem : undefined;
    invalid.value = { ...invalid.value, target_price: problem };
  };
  const choose = (percent: number): void => {
    if (current === null) return;
    const text = targetAt(current, percent);
    edit({ target: text, condition: percent > 0 ? "gt" : "lt" });
    checkTarget(text);
  };
  const startOver = (): void => {
    action.reset();
    invalid.value = {};
    clearDraft();
  };

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (action.isBusy.value) return;
    action.reset();
    const webhook = url.trim();
    invalid.value = {
      ...("problem" in read ? { target_price: read.problem } : {}),
      ...(webhook ? {} : { webhook_url: "Enter the address that should be called." }),
    };
    if ("problem" in read || !webhook) return;
    const wanted = { ticker: asset, condition, target_price: read.value, webhook_url: webhook };
    await action.run(() => submitDraft(wanted));
  };

  return (
    <Dialog title="New alert" onClose={close}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        {wasKept && !isDraftEmpty() && (
          <p class="kept">
            Continued from before.{" "}
            <button type="button" class="link" onClick={startOver}>
              Start over
            </button>
          </p>
        )}
        <div class="field">
          <label for={selectId}>Asset</label>
          <select
            id={selectId}
            name="ticker"
            value={asset}
            aria-describedby={`${selectId}-note`}
            onChange={(event) => edit({ ticker: event.currentTarget.value })}
          >
            {list.map((quote) => (
              <option key={quote.ticker} value={quote.ticker}>
                {quote.ticker} · {assetName(quote.ticker)}
              </option>
            ))}
          </select>
          <p id={`${selectId}-note`} class={errors.ticker ? "error" : "hint"}>
            {errors.ticker ?? `Now ${price(current)}`}
          </p>
        </div>
        <div class="field">
          <span class="label">When the price</span>
          <Segmented
            label="Condition"
            options={CONDITIONS}
            value={condition}
            onChange={(value) => edit({ condition: value })}
          />
          {errors.condition && <p class="error">{errors.condition}</p>}
        </div>
        <Field
          label="Target price"
          name="target_price"
          prefix="$"
          inputMode="decimal"
          value={target}
          onInput={editTarget}
          onCommit={checkTarget}
          placeholder={current === null ? "" : price(current).slice(1)}
          error={errors.target_price}
          autoFocus
        />
        <TargetSuggestions onChoose={choose} />
        <Field
          label="Webhook URL"
          name="webhook_url"
          inputMode="url"
          value={url}
          onInput={(value) => edit({ webhookUrl: value })}
          placeholder="https://your-server.com/webhook"
          error={errors.webhook_url}
          hint="A signed POST goes here, with up to 4 attempts."
        />
        <AlertPreview
          ticker={asset}
          condition={condition}
          target={"value" in read ? read.value : null}
          current={current}
        />
        {failure && <Problem error={failure} />}
        <div class="row end">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={action.isBusy.value}>
            {action.isBusy.value ? "Creating…" : "Create alert"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Creates the alert, also when the person closes the form before the response is there. */
async function submitDraft(wanted: AlertCreate): Promise<void> {
  const submitted = draft.peek();
  try {
    await create(wanted);
  } catch (cause) {
    if (!isCreating.peek()) showToast(`Alert not created: ${ApiError.from(cause).message} Your entries are kept.`);
    throw cause;
  }
  if (draft.peek() !== submitted) return;
  clearDraft();
  isCreating.value = false;
}

/** The API's violations by field. Errors about the URL or the ticker can come without a list of violations. */
function errorsByField(error: ApiError): Errors {
  const errors: Errors = {};
  for (const { loc, msg } of error.fields) {
    const field = loc.at(-1);
    if (field === "ticker" || field === "condition" || field === "target_price" || field === "webhook_url")
      errors[field] ??= sentence(msg);
  }
  if (error.type === "webhook_url_blocked")
    errors.webhook_url ??= [error.message, error.remediation].filter(Boolean).join(" ");
  if (error.type === "unsupported_ticker") errors.ticker ??= error.message;
  return errors;
}

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
