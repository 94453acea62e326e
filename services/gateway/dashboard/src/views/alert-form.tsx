import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useId, useMemo } from "preact/hooks";
import { ApiError } from "../api/errors.ts";
import type { AlertCondition, AlertCreate } from "../api/types.ts";
import { AlertPreview } from "../components/alert-preview.tsx";
import { Dialog } from "../components/dialog.tsx";
import { Field } from "../components/field.tsx";
import { Problem } from "../components/problem.tsx";
import { Segmented } from "../components/segmented.tsx";
import { ServerWords } from "../components/server-words.tsx";
import { TargetSuggestions } from "../components/target-suggestions.tsx";
import { targetAt } from "../i18n/condition.ts";
import { currencySide, fixed, price } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { readPrice } from "../i18n/number-input.ts";
import { problemRemedy, problemSummary, problemText, violationText } from "../i18n/problem.ts";
import { assetName } from "../lib/assets.ts";
import { priceDecimals } from "../lib/numbers.ts";
import { useAction } from "../lib/use-action.ts";
import { clearDraft, draft, editDraft, isCreating, isDraftEmpty, type Draft } from "../state/alert-draft.ts";
import { alerts, create } from "../state/alerts.ts";
import { quotes } from "../state/market.ts";
import { ticker } from "../state/selection.ts";
import { showToast } from "../state/toasts.ts";

const CONDITIONS: readonly AlertCondition[] = ["gt", "lt"];

type FieldName = keyof AlertCreate;
type Errors = Partial<Record<FieldName, ComponentChildren>>;

/** The form of a new alert. What is entered stays until the alert is created, however the form is closed. */
export function AlertForm(): JSX.Element {
  const { actions, form } = t.value;
  const list = quotes.data.value ?? [];
  const { condition, target, ...entered } = draft.value;
  const asset = entered.ticker ?? ticker.value ?? list[0]?.ticker ?? "";
  // Most people have one endpoint: the one of their newest alert.
  const url = entered.webhookUrl ?? alerts.data.value?.[0]?.webhook_url ?? "";
  const wasKept = useMemo(() => !isDraftEmpty(), []);
  /** The fields whose mistakes are shown. */
  const checked = useSignal<ReadonlySet<FieldName>>(new Set());
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
  const isShown = (field: FieldName): boolean => checked.value.has(field);
  const errors: Errors = {
    ...(isShown("target_price") && "problem" in read ? { target_price: read.problem } : {}),
    ...(isShown("webhook_url") && !url.trim() ? { webhook_url: form.webhookMissing } : {}),
    ...rejected,
  };
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
    if (isShown("target_price")) checkTarget(text);
  };
  /** A mistake stays shown until it is corrected. An empty field is none before the form is sent. */
  const checkTarget = (text: string): void => {
    const next = new Set(checked.value);
    if (text.trim() && "problem" in readPrice(text)) next.add("target_price");
    else next.delete("target_price");
    checked.value = next;
  };
  const choose = (percent: number): void => {
    if (current === null) return;
    const text = targetAt(current, percent);
    edit({ target: text, condition: percent > 0 ? "gt" : "lt" });
    checkTarget(text);
  };
  const startOver = (): void => {
    action.reset();
    checked.value = new Set();
    clearDraft();
  };

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (action.isBusy.value) return;
    action.reset();
    const webhook = url.trim();
    checked.value = new Set([
      ...("problem" in read ? (["target_price"] as const) : []),
      ...(webhook ? [] : (["webhook_url"] as const)),
    ]);
    if ("problem" in read || !webhook) return;
    const wanted = { ticker: asset, condition, target_price: read.value, webhook_url: webhook };
    await action.run(() => submitDraft(wanted));
  };

  return (
    <Dialog title={form.title} onClose={close}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        {wasKept && !isDraftEmpty() && (
          <p class="kept">
            {form.continued}{" "}
            <button type="button" class="link" onClick={startOver}>
              {form.startOver}
            </button>
          </p>
        )}
        <div class="field">
          <label for={selectId}>{form.asset}</label>
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
            {errors.ticker ?? form.now(price(current))}
          </p>
        </div>
        <div class="field">
          <span class="label">{form.whenPrice}</span>
          <Segmented
            label={form.condition}
            options={CONDITIONS.map((value) => ({ value, label: form.conditions[value] }))}
            value={condition}
            onChange={(value) => edit({ condition: value })}
          />
          {errors.condition && <p class="error">{errors.condition}</p>}
        </div>
        <Field
          label={form.target}
          name="target_price"
          {...(currencySide() === "before" ? { prefix: "$" } : { suffix: "$" })}
          inputMode="decimal"
          value={target}
          onInput={editTarget}
          onCommit={checkTarget}
          placeholder={current === null ? "" : fixed(current, priceDecimals(current))}
          error={errors.target_price}
          autoFocus
        />
        <TargetSuggestions onChoose={choose} />
        <Field
          label={form.webhook}
          name="webhook_url"
          inputMode="url"
          value={url}
          onInput={(value) => edit({ webhookUrl: value })}
          placeholder={form.webhookPlaceholder}
          error={errors.webhook_url}
          hint={form.webhookHint}
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
            {actions.cancel}
          </button>
          <button type="submit" class="button primary" disabled={action.isBusy.value}>
            {action.isBusy.value ? form.creating : form.create}
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
    const error = ApiError.from(cause);
    if (!isCreating.peek()) showToast(() => t.value.alerts.notCreated(problemSummary(error)));
    throw cause;
  }
  if (draft.peek() !== submitted) return;
  clearDraft();
  isCreating.value = false;
}

/** The API's errors by field. Where the kind of the problem names the field, its words say more than the violation's. */
function errorsByField(error: ApiError): Errors {
  const errors: Errors = {};
  const remedy = problemRemedy(error);
  if (error.type === "webhook_url_blocked")
    errors.webhook_url = (
      <>
        <ServerWords {...problemText(error)} /> {remedy && <ServerWords {...remedy} />}
      </>
    );
  if (error.type === "unsupported_ticker") errors.ticker = <ServerWords {...problemText(error)} />;
  for (const violation of error.fields) {
    const field = violation.loc.at(-1);
    if (field === "ticker" || field === "condition" || field === "target_price" || field === "webhook_url")
      errors[field] ??= <ServerWords {...violationText(violation)} />;
  }
  return errors;
}
