import type { JSX } from "preact";
import type { CreatedKey } from "../api/types.ts";
import { Dialog } from "../components/dialog.tsx";
import { SecretOnce } from "../components/secret-once.tsx";
import { t } from "../i18n/language.ts";

/** A new key, which is shown only now. Only the person closes this dialog, and not by mistake. */
export function NewKey({ of, onClose }: { of: CreatedKey; onClose: () => void }): JSX.Element {
  const { keyForm } = t.value.account;
  return (
    <Dialog title={keyForm.createdTitle(of.name)} onClose={onClose} isKept>
      <SecretOnce
        secret={of.api_key}
        label={keyForm.secret}
        copyLabel={keyForm.copy}
        warning={keyForm.shownOnce}
        advice={keyForm.keepIt}
      >
        <button type="button" class="button primary" onClick={onClose}>
          {keyForm.done}
        </button>
      </SecretOnce>
    </Dialog>
  );
}
