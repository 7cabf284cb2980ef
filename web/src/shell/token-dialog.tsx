/** Asks for the server's token when a request was refused for the lack of one. */
import type { JSX } from "preact";
import { tokenWanted } from "../api.ts";
import { Dialog } from "./dialog.tsx";

export function TokenDialog(): JSX.Element | null {
  const wanted = tokenWanted.value;
  if (!wanted) return null;
  const submit = (event: Event): void => {
    event.preventDefault();
    const token = new FormData(event.currentTarget as HTMLFormElement).get("token");
    if (typeof token === "string" && token !== "") wanted.give(token.trim());
  };
  return (
    <Dialog label="Token" onClose={() => {}}>
      <form onSubmit={submit}>
        <h2>This library is locked</h2>
        <p class="muted">
          {wanted.wrong ? "That token was not accepted. " : ""}
          Enter the token that the server was started with. It is kept for this tab only.
        </p>
        <label class="field">
          <span>Token</span>
          <input name="token" type="password" autocomplete="off" required />
        </label>
        <div class="dialog-foot">
          <button type="submit" class="primary">
            Unlock
          </button>
        </div>
      </form>
    </Dialog>
  );
}
