import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import * as api from "../api/account-routes.ts";
import type { ApiKey, CreatedKey } from "../api/types.ts";
import { Dialog } from "../components/dialog.tsx";
import { Problem } from "../components/problem.tsx";
import { Segmented } from "../components/segmented.tsx";
import { t } from "../i18n/language.ts";
import { useAction } from "../lib/use-action.ts";
import { rotateOwnKey } from "../state/session.ts";
import { NewKey } from "./new-key.tsx";

const OVERLAP_SECONDS = { now: 0, hour: 3_600, day: 86_400, week: 604_800 };
type Overlap = keyof typeof OVERLAP_SECONDS;
const OVERLAPS = Object.keys(OVERLAP_SECONDS) as Overlap[];

interface Props {
  of: ApiKey;
  /** Whether the page itself uses this key. */
  isOwn: boolean;
  onRotated: () => void;
  onClose: () => void;
}

/** Puts a new key in the place of another one, which ends after the overlap. */
export function RotateKey({ of, isOwn, onRotated, onClose }: Props): JSX.Element {
  const { actions } = t.value;
  const { rotate: texts } = t.value.account;
  const overlap = useSignal<Overlap>("day");
  const created = useSignal<CreatedKey | null>(null);
  const action = useAction();
  if (created.value !== null) return <NewKey of={created.value} onClose={onClose} />;
  const rotate = (): Promise<void> =>
    action.run(async () => {
      const seconds = OVERLAP_SECONDS[overlap.value];
      created.value = isOwn
        ? await rotateOwnKey((proof) => api.rotateKey(of.id, seconds, proof))
        : await api.rotateKey(of.id, seconds);
      onRotated();
    });
  return (
    <Dialog title={texts.title(of.name)} onClose={onClose}>
      <p>{texts.about}</p>
      <div class="field choice">
        <span class="label" aria-hidden="true">
          {texts.overlap}
        </span>
        <Segmented
          label={texts.overlap}
          options={OVERLAPS.map((value) => ({ value, label: texts.overlaps[value] }))}
          value={overlap.value}
          onChange={(value) => (overlap.value = value)}
        />
      </div>
      {isOwn && <p>{texts.own}</p>}
      {action.error.value && <Problem error={action.error.value} />}
      <div class="row end">
        <button type="button" class="button" onClick={onClose}>
          {actions.cancel}
        </button>
        <button type="button" class="button primary" disabled={action.isBusy.value} onClick={() => void rotate()}>
          {action.isBusy.value ? texts.rotating : texts.rotate}
        </button>
      </div>
    </Dialog>
  );
}
