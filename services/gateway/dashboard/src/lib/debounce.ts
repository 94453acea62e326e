import { useEffect, useMemo } from "preact/hooks";

export interface Debounced {
  /** Runs the work after a pause without another call. */
  call: () => void;
  cancel: () => void;
}

export function debounce(work: () => void, pauseMs: number): Debounced {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    call: () => {
      clearTimeout(timer);
      timer = setTimeout(work, pauseMs);
    },
    cancel: () => clearTimeout(timer),
  };
}

/** A pause in typing: each letter must not be a request. */
const TYPING_MS = 350;

/** `work` of the first rendering, which has to read what changes itself. */
export function useDebounced(work: () => void): () => void {
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const debounced = useMemo(() => debounce(work, TYPING_MS), []);
  useEffect(() => debounced.cancel, [debounced]);
  return debounced.call;
}
