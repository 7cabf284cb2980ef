/** Test support: document n of the crash test follows from n alone. */
export function documentOf(n: number): Uint8Array {
  const words = ["river", "stone", "lantern", "winter", "harbour", "needle"];
  let state = n + 1;
  const next = (): number => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state;
  };
  const length = 200 + (next() % 600);
  return new TextEncoder().encode(Array.from({ length }, () => words[next() % words.length]).join(" "));
}

/** Documents of one append. */
export const BATCH = 5;
