/** Light, dark, or as the system says. */
import { effect, type Signal, signal } from "@preact/signals";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "mneme-theme";

export const theme: Signal<Theme> = signal(
  THEMES.find((name) => name === localStorage.getItem(KEY)) ?? "auto",
);

export function followTheme(): () => void {
  return effect(() => {
    document.documentElement.dataset.theme = theme.value;
    localStorage.setItem(KEY, theme.value);
  });
}

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!;
}
