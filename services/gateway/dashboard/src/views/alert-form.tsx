import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import type { ApiError } from "../api/errors.ts";
import type { AlertCreate, AlertCondition } from "../api/types.ts";
import { Dialog } from "../components/dialog.tsx";
import { Field } from "../components/field.tsx";
import { Problem } from "../components/problem.tsx";
import { Segmented } from "../components/segmented.tsx";
import { parsePrice, preview } from "../lib/condition.ts";
import { price } from "../lib/format.ts";
import { assetName } from "../lib/assets.ts";
import { useAction } from "../lib/use-action.ts";
import { alerts, create, isCreating } from "../state/alerts.ts";
import { quotes } from "../state/market.ts";
import { ticker } from "../state/selection.ts";

const CONDITIONS = [
  { value: "gt", label: "Rises above" },
  { value: "lt", label: "Falls below" },
] as const;

type FieldName = keyof AlertCreate;
type Errors = Partial<Record<FieldName, string>>;

/** The form of a new alert, with a preview of what it will do. */
export function AlertForm(): JSX.Element {
  const list = quotes.data.value ?? [];
  const asset = useSignal(ticker.value ?? list[0]?.ticker ?? "");
  const condition = useSignal<AlertCondition>("gt");
  const target = useSignal("");
  // Most people have one receiver: the one of their newest alert.
  const url = useSignal(alerts.data.peek()?.[0]?.webhook_url ?? "");
  const invalid = useSignal<Errors>({});
  const action = useAction();
  const selectId = useId();

  const current = list.find((quote) => quote.ticker === asset.value)?.price ?? null;
  const wanted = parsePrice(target.value);
  const close = (): void => void (isCreating.value = false);

  const rejected = action.error.value ? errorsByField(action.error.value) : {};
  const errors: Errors = { ...invalid.value, ...rejected };
  // Errors that are shown at a field are not repeated below the form.
  const failure = Object.keys(rejected).length > 0 ? null : action.error.value;

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (action.isBusy.value) return;
    action.reset();
    const webhook = url.value.trim();
    invalid.value = {
      ...(wanted === null ? { target_price: "Enter a price above 0, such as 70,000." } : {}),
      ...(webhook ? {} : { webhook_url: "Enter the address that should be called." }),
    };
    if (wanted === null || !webhook) return;
    await action.run(async () => {
      await create({
        ticker: asset.value,
        condition: condition.value,
        target_price: wanted,
        webhook_url: webhook,
      });
      close();
    });
  };

  return (
    <Dialog title="New alert" onClose={close}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <div class="field">
          <label for={selectId}>Asset</label>
          <select
            id={selectId}
            name="ticker"
            value={asset.value}
            onChange={(event) => (asset.value = event.currentTarget.value)}
          >
            {list.map((quote) => (
              <option key={quote.ticker} value={quote.ticker}>
                {quote.ticker} · {assetName(quote.ticker)}
              </option>
            ))}
          </select>
          {errors.ticker ? <p class="error">{errors.ticker}</p> : <p class="hint">Now {price(current)}</p>}
        </div>
        <div class="field">
          <span class="label">When the price</span>
          <Segmented
            label="Condition"
            options={CONDITIONS}
            value={condition.value}
            onChange={(value) => (condition.value = value)}
          />
          {errors.condition && <p class="error">{errors.condition}</p>}
        </div>
        <Field
          label="Target price"
          name="target_price"
          prefix="$"
          inputMode="decimal"
          value={target.value}
          onInput={(value) => (target.value = value)}
          placeholder={current === null ? "" : price(current).slice(1)}
          error={errors.target_price}
          autoFocus
        />
        <Field
          label="Webhook URL"
          name="webhook_url"
          inputMode="url"
          value={url.value}
          onInput={(value) => (url.value = value)}
          placeholder="https://your-server.com/webhook"
          error={errors.webhook_url}
          hint="A signed POST goes here, with up to 4 attempts."
        />
        <p class="preview" aria-live="polite">
          {wanted !== null &&
            preview({ ticker: asset.value, condition: condition.value, target_price: wanted }, current)}
        </p>
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
