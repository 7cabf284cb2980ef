/** Keys that work everywhere. Those that type stay with the field one types in. */
import { closeReader, opened } from "../reader/state.ts";
import { go, VIEWS } from "../route.ts";
import { nextTheme } from "../theme.ts";
import { helpOpen } from "./help-dialog.tsx";

export function followKeys(): () => void {
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && opened.value) {
    event.preventDefault();
    closeReader();
    return;
  }
  if (isTyping(event.target)) return;
  const view = VIEWS[Number(event.key) - 1];
  if (event.key === "/") focusField();
  else if (event.key === "?") helpOpen.value = true;
  else if (event.key === "t") nextTheme();
  else if (view) go(view);
  else return;
  event.preventDefault();
}

/** Goes to the field of the view; to the search where the view has none, which takes some frames to appear. */
function focusField(frames: number = 20): void {
  const field = document.querySelector<HTMLInputElement>("[data-main-field]");
  if (field) {
    field.focus();
    field.select();
    return;
  }
  go("search");
  if (frames > 0) requestAnimationFrame(() => focusField(frames - 1));
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio])"))
  );
}

/** Moves focus among the elements that match `selector`, starting after the focused one. True when it moved. */
export function moveFocus(selector: string, step: 1 | -1): boolean {
  const stops = [...document.querySelectorAll<HTMLElement>(selector)];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  const next = stops[at === -1 ? (step === 1 ? 0 : stops.length - 1) : at + step];
  next?.focus();
  return next !== undefined;
}
