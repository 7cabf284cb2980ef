/** Asks before documents are forgotten, with the counts of a dry run. */
import type { JSX } from "preact";
import { formatBytes, formatCount, plural } from "../format.ts";
import { Dialog } from "../shell/dialog.tsx";
import { confirmDelete, doomed } from "./state.ts";

export function DeleteDialog(): JSX.Element | null {
  const waiting = doomed.value;
  if (!waiting) return null;
  const { plan } = waiting;
  const close = (): void => {
    doomed.value = undefined;
  };
  return (
    <Dialog label="Forget documents" onClose={close}>
      <h2>Forget {plural(plan.items, "document")}?</h2>
      <ul class="doomed">
        {plan.ids.slice(0, 4).map((id) => (
          <li key={id}>{id}</li>
        ))}
        {plan.ids.length > 4 && <li class="muted">and {formatCount(plan.ids.length - 4)} more</li>}
      </ul>
      <p class="muted">
        {plural(plan.passages, "passage")} go with {plan.items === 1 ? "it" : "them"}, and{" "}
        {formatBytes(plan.bytesFreed)} come back. It can be undone for a while.
      </p>
      <div class="dialog-foot">
        <button type="button" onClick={close}>
          Keep
        </button>
        <button type="button" class="danger" onClick={() => void confirmDelete()}>
          Forget
        </button>
      </div>
    </Dialog>
  );
}
