/** Joins the account's other tabs during a session. */
import { effect } from "@preact/signals";
import { rateBudget } from "../api/client.ts";
import type { BucketLevel, Policy } from "../lib/rate-budget.ts";
import { groupOf, tabGroup } from "../lib/tabs.ts";
import { account, adoptTokens, SIGNED_OUT, signOut, type TokensNotice } from "./session.ts";

type Notice = typeof SIGNED_OUT | TokensNotice | { policy: Policy; level: BucketLevel };

export function startTabs(): void {
  effect(() => {
    const id = account.value;
    const group = id === null ? null : groupOf(id);
    tabGroup.value = group;
    if (!group) return undefined;
    group.onNotice = (received) => {
      const notice = received as Notice;
      if (notice === SIGNED_OUT) signOut("other-tab");
      else if ("grant" in notice) adoptTokens(notice);
      else rateBudget.applyLevel(notice.policy, notice.level);
    };
    rateBudget.onUpdate = (policy, level) => group.announce({ policy, level } satisfies Notice);
    return () => {
      rateBudget.onUpdate = () => undefined;
      group.close();
    };
  });
}
