import type { JSX } from "preact";
import type { ApiError } from "../api/errors.ts";
import { Problem } from "./problem.tsx";

interface Props {
  label: string;
  shape?: "block" | "chart-skeleton";
  error: ApiError | null;
  onRetry: () => void;
}

/** A placeholder while data load, or the error that kept them from loading. */
export function Loading({ label, shape = "block", error, onRetry }: Props): JSX.Element {
  if (error) return <Problem error={error} onRetry={onRetry} />;
  return <div class={`skeleton ${shape}`} role="progressbar" aria-label={label} />;
}
