import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { AlertCondition } from "../api/types.ts";
import { preview } from "../i18n/condition.ts";
import { language } from "../i18n/language.ts";
import { WarningIcon } from "./icons.tsx";

interface Props {
  ticker: string;
  condition: AlertCondition;
  /** Decimal text; `null` while there is no target that can be read. */
  target: string | null;
  current: number | null;
}

/** What the alert will do. It is announced when the person changes it, and not whenever the price moves. */
export function AlertPreview({ ticker, condition, target, current }: Props): JSX.Element {
  const shown = target === null ? null : preview({ ticker, condition, target_price: target }, current);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- a new price is no reason to announce it again
  const announced = useMemo(() => shown?.text ?? "", [ticker, condition, target, language.value]);
  return (
    <>
      <p class={shown?.isAlreadyTrue ? "preview warning" : "preview"}>
        {shown?.isAlreadyTrue && <WarningIcon />}
        <span>{shown?.text}</span>
      </p>
      <p class="visually-hidden" role="status">
        {announced}
      </p>
    </>
  );
}
