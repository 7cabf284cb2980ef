/** Short messages at the foot of the screen, read out by screen readers; some can be acted on. */
import { type Signal, signal } from "@preact/signals";
import type { JSX } from "preact";
import { messageOf } from "../api.ts";
import { Icon } from "./icons.tsx";

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: "good" | "bad";
  readonly action?: { readonly label: string; readonly run: () => void };
}

const toasts: Signal<readonly Toast[]> = signal([]);
let lastId = 0;

/** Shows a message; those that offer an action stay longer. */
export function tell(text: string, options: Partial<Pick<Toast, "tone" | "action">> = {}): void {
  const toast: Toast = { id: ++lastId, text, tone: "good", ...options };
  toasts.value = [...toasts.value.slice(-2), toast];
  setTimeout(() => dismiss(toast.id), options.action ? 20_000 : options.tone === "bad" ? 12_000 : 5000);
}

export function tellError(error: unknown): void {
  tell(messageOf(error), { tone: "bad" });
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, tone, action }) => (
        <div key={id} class={`toast ${tone}`}>
          <Icon name={tone === "good" ? "check" : "warn"} />
          <span>{text}</span>
          {action && (
            <button
              type="button"
              class="act"
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
