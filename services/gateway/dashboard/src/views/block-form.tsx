import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import * as api from "../api/admin-routes.ts";
import type { IpBlock } from "../api/types.ts";
import { Dialog } from "../components/dialog.tsx";
import { Field } from "../components/field.tsx";
import { Problem } from "../components/problem.tsx";
import { ServerWords } from "../components/server-words.tsx";
import { SelectField } from "../components/select-field.tsx";
import { t } from "../i18n/language.ts";
import { violationText } from "../i18n/problem.ts";
import { isAddress, networkText } from "../lib/ip-network.ts";
import { useAction } from "../lib/use-action.ts";
import { showToast } from "../state/toasts.ts";

const SECONDS = ["900", "3600", "86400", "604800", "2592000"] as const;
const MAX_COMMENT = 200;

interface Props {
  onBlocked: (block: IpBlock) => void;
  onClose: () => void;
}

/** The form of a block of an address. */
export function BlockForm({ onBlocked, onClose }: Props): JSX.Element {
  const { actions, admin } = t.value;
  const { form } = admin.blocks;
  const address = useSignal("");
  const seconds = useSignal<(typeof SECONDS)[number]>("3600");
  const comment = useSignal("");
  const isChecked = useSignal(false);
  const action = useAction();
  const isAddressWrong = !isAddress(address.value.trim());
  const isCommentLong = [...comment.value.trim()].length > MAX_COMMENT;
  const violation = action.error.value?.fields.find(({ loc }) => loc.at(-1) === "address");
  const rejected = violation && <ServerWords {...violationText(violation)} />;
  const submit = (event: Event): void => {
    event.preventDefault();
    isChecked.value = true;
    if (isAddressWrong || isCommentLong) return;
    void action.run(async () => {
      const block = await api.block(address.value.trim(), Number(seconds.value), comment.value.trim());
      onBlocked(block);
      showToast(() => t.value.admin.blocks.added(networkText(block.network)));
      onClose();
    });
  };
  return (
    <Dialog title={form.title} onClose={onClose}>
      <form onSubmit={submit} noValidate>
        <Field
          label={form.address}
          name="address"
          value={address.value}
          onInput={(value) => {
            action.reset();
            address.value = value;
          }}
          placeholder={form.addressPlaceholder}
          hint={form.warning}
          error={isChecked.value && isAddressWrong ? form.problems.notAnAddress : rejected}
          autoFocus
        />
        <SelectField
          label={form.duration}
          name="seconds"
          options={SECONDS.map((value) => ({ value, label: form.durations[value] }))}
          value={seconds.value}
          onChange={(value) => (seconds.value = value)}
        />
        <Field
          label={form.comment}
          name="comment"
          value={comment.value}
          onInput={(value) => (comment.value = value)}
          hint={form.commentHint}
          error={isChecked.value && isCommentLong ? form.problems.tooLong : undefined}
        />
        {action.error.value && !rejected && <Problem error={action.error.value} />}
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            {actions.cancel}
          </button>
          <button type="submit" class="button danger" disabled={action.isBusy.value}>
            {action.isBusy.value ? form.creating : form.create}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
