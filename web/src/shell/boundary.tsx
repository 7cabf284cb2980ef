/** Keeps a fault in one view from taking the console down: says what broke, and lets one go on. */
import type { ComponentChildren, JSX } from "preact";
import { useErrorBoundary } from "preact/hooks";
import { messageOf } from "../api.ts";

export function Boundary({ children }: { readonly children: ComponentChildren }): JSX.Element {
  const [error, reset] = useErrorBoundary((fault) => console.error(fault));
  if (error === undefined) return <>{children}</>;
  return (
    <div class="empty" role="alert">
      <p>This view broke.</p>
      <p class="failure">{messageOf(error)}</p>
      <button type="button" onClick={reset}>
        Try again
      </button>
    </div>
  );
}
