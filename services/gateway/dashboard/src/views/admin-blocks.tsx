import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import * as api from "../api/admin-routes.ts";
import type { IpBlock } from "../api/types.ts";
import { Confirm } from "../components/confirm.tsx";
import { DataTable, type Column } from "../components/data-table.tsx";
import { PlusIcon } from "../components/icons.tsx";
import { Section } from "../components/section.tsx";
import { minute } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { networkText } from "../lib/ip-network.ts";
import { Resource, useLoaded } from "../lib/resource.ts";
import { showToast } from "../state/toasts.ts";
import { BlockForm } from "./block-form.tsx";
import { Loaded } from "./loaded.tsx";

function Reason({ of: { reason, failures, comment } }: { of: IpBlock }): JSX.Element {
  const { reasons } = t.value.admin.blocks;
  if (reason !== "administrator")
    return <>{failures == null ? reasons.failed : reasons.failed_authentications(failures)}</>;
  return (
    <>
      {reasons.administrator}
      {comment && <span class="row-note">{comment}</span>}
    </>
  );
}

/** Addresses that are shut out, by themselves or by an administrator. */
export function Blocks(): JSX.Element {
  const { actions, blocks: texts, loading, refresh } = t.value.admin;
  const { columns: labels } = texts;
  const blocks = useLoaded(() => new Resource("admin", api.ipBlocks));
  const isAdding = useSignal(false);
  const lifting = useSignal<IpBlock | null>(null);
  const list = blocks.data.value;
  const lift = async ({ network }: IpBlock): Promise<void> => {
    await api.lift(network);
    blocks.mutate((all) => all.filter((each) => each.network !== network));
    showToast(() => t.value.admin.blocks.lifted(networkText(network)));
  };
  const columns: Column<IpBlock>[] = [
    {
      name: "network",
      label: labels.network,
      cell: ({ network }) => <code class="network">{networkText(network)}</code>,
    },
    { name: "reason", label: labels.reason, cell: (block) => <Reason of={block} /> },
    { name: "since", label: labels.since, cell: ({ blocked_at }) => minute(blocked_at) },
    { name: "until", label: labels.until, cell: ({ blocked_until }) => minute(blocked_until) },
    {
      name: "actions",
      label: actions,
      cell: (block) => (
        <span class="row-actions">
          <button
            type="button"
            class="button small"
            aria-label={texts.liftOf(networkText(block.network))}
            onClick={() => (lifting.value = block)}
          >
            {texts.lift}
          </button>
        </span>
      ),
    },
  ];
  return (
    <Section
      title={texts.title}
      class="blocks"
      actions={
        <span class="row">
          <button type="button" class="button" disabled={blocks.isLoading.value} onClick={() => void blocks.load()}>
            {refresh}
          </button>
          <button type="button" class="button" onClick={() => (isAdding.value = true)}>
            <PlusIcon />
            {texts.add}
          </button>
        </span>
      }
    >
      <p class="section-lead">{texts.about}</p>
      <Loaded from={blocks} label={loading} isEmpty={list === null ? undefined : list.length === 0} empty={texts.empty}>
        <DataTable label={texts.title} columns={columns} rows={list ?? []} keyOf={({ network }) => network} />
      </Loaded>
      {isAdding.value && (
        <BlockForm
          onBlocked={(block) =>
            blocks.mutate((all) => [block, ...all.filter(({ network }) => network !== block.network)])
          }
          onClose={() => (isAdding.value = false)}
        />
      )}
      {lifting.value && <LiftBlock of={lifting.value} onConfirm={lift} onClose={() => (lifting.value = null)} />}
    </Section>
  );
}

interface LiftProps {
  of: IpBlock;
  onConfirm: (block: IpBlock) => Promise<void>;
  onClose: () => void;
}

function LiftBlock({ of, onConfirm, onClose }: LiftProps): JSX.Element {
  const { blocks: texts } = t.value.admin;
  return (
    <Confirm
      title={texts.confirmLift}
      confirm={texts.lift}
      isDangerous={false}
      onConfirm={() => onConfirm(of)}
      onClose={onClose}
    >
      <p>{texts.confirmLiftAbout(networkText(of.network))}</p>
    </Confirm>
  );
}
