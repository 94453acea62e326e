import type { JSX } from "preact";
import { dismiss, notices } from "../state/notices.ts";
import { CloseIcon } from "./icons.tsx";

export function Notices(): JSX.Element {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((notice) => (
        <p key={notice.id}>
          {notice.text}
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => dismiss(notice.id)}>
            <CloseIcon />
          </button>
        </p>
      ))}
    </div>
  );
}
