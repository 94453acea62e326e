import type { ComponentChildren, JSX } from "preact";
import { CopyButton } from "./copy-button.tsx";

interface Props {
  secret: string;
  label: string;
  copyLabel: string;
  /** That it is shown only now, and what to do with it. */
  warning: string;
  advice: string;
  /** What goes on from here, beside the button that copies. */
  children: ComponentChildren;
}

/** A secret that the server shows once. */
export function SecretOnce({ secret, label, copyLabel, warning, advice, children }: Props): JSX.Element {
  return (
    <div class="new-key">
      <p>
        <strong>{warning}</strong> {advice}
      </p>
      <code class="secret" tabIndex={0} aria-label={label}>
        {secret}
      </code>
      <div class="row">
        <CopyButton text={secret} label={copyLabel} />
        {children}
      </div>
    </div>
  );
}
