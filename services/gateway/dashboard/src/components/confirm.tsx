import type { ComponentChildren, JSX } from "preact";
import { t } from "../i18n/language.ts";
import { useAction } from "../lib/use-action.ts";
import { Dialog } from "./dialog.tsx";
import { Problem } from "./problem.tsx";

interface Props {
  title: string;
  /** What follows from it. */
  children: ComponentChildren;
  /** What the buttons do, in words. */
  confirm: string;
  keep?: string;
  isDangerous?: boolean;
  /** The dialog stays open, with the reason, when this fails. */
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something that others notice or that cannot be undone. */
export function Confirm(props: Props): JSX.Element {
  const { title, children, confirm, keep = t.value.actions.cancel, isDangerous = true, onConfirm, onClose } = props;
  const action = useAction();
  const run = (): Promise<void> =>
    action.run(async () => {
      await onConfirm();
      onClose();
    });
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      {action.error.value && <Problem error={action.error.value} />}
      <div class="row end">
        <button type="button" class="button" onClick={onClose}>
          {keep}
        </button>
        <button
          type="button"
          class={`button ${isDangerous ? "danger" : "primary"}`}
          disabled={action.isBusy.value}
          onClick={() => void run()}
        >
          {confirm}
        </button>
      </div>
    </Dialog>
  );
}
