/**
 * Budget: an accountant in bytes. Every structure that holds memory claims from it, is told to shrink when it is overdrawn,
 * and is listed by `usage()`. Not an allocator: claims are numbers, and a test holds them within 10% of the process.
 */
import { MnemeError } from "../errors.ts";

export type Tier = "ram" | "disk" | "remote";

export interface Claim extends Disposable {
  readonly name: string;
  readonly bytes: number;
  /** Replaces the claim's size. Growing may ask others, then this one, to shrink. */
  resize(bytes: number): void;
}

export interface ClaimOptions {
  readonly bytes?: number;
  /** Frees up to `bytes` (caches) and returns what it freed. Structures that cannot shrink leave it out. */
  readonly shrink?: (bytes: number) => number;
}

export interface BudgetUsage {
  readonly name: string;
  readonly bytes: number;
  readonly shrinkable: boolean;
}

export class Budget {
  readonly limitBytes: number;
  #used = 0;
  readonly #claims = new Set<MutableClaim>();

  constructor(limitBytes: number) {
    if (!(limitBytes > 0))
      throw new MnemeError("RANGE", `Budget: limit must be a positive number of bytes, got ${limitBytes}`);
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /** @throws MnemeError BUDGET when the bytes do not fit after every shrinkable claim gave what it could. */
  claim(name: string, options: ClaimOptions = {}): Claim {
    const claim = new MutableClaim(name, options.shrink, (entry, bytes) => this.#resize(entry, bytes));
    this.#claims.add(claim);
    claim.onRelease = () => this.#claims.delete(claim);
    if (options.bytes) claim.resize(options.bytes);
    return claim;
  }

  usage(): BudgetUsage[] {
    return [...this.#claims].map((claim) => ({
      name: claim.name,
      bytes: claim.bytes,
      shrinkable: claim.shrink !== undefined,
    }));
  }

  #resize(claim: MutableClaim, bytes: number): void {
    const before = claim.bytes;
    this.#used += bytes - before;
    claim.bytes = bytes;
    if (bytes <= before || this.#used <= this.limitBytes) return;
    this.#reclaim();
    if (this.#used <= this.limitBytes) return;
    const short = this.#used - this.limitBytes;
    this.#used -= claim.bytes - before;
    claim.bytes = before;
    throw new MnemeError(
      "BUDGET",
      `${claim.name}: ${bytes} bytes exceed the budget of ${this.limitBytes} by ${short}; open with a larger budget`,
      { details: { name: claim.name, bytes, limit: this.limitBytes } },
    );
  }

  /** Largest shrinkable claims give first. A claim's `shrink` resizes itself; its answer is only informative. */
  #reclaim(): void {
    const shrinkable = [...this.#claims].filter((c) => c.shrink).sort((a, b) => b.bytes - a.bytes);
    for (const claim of shrinkable) {
      const over = this.#used - this.limitBytes;
      if (over <= 0) return;
      claim.shrink?.(over);
    }
  }
}

class MutableClaim implements Claim {
  readonly name: string;
  readonly shrink: ((bytes: number) => number) | undefined;
  bytes = 0;
  onRelease: () => void = () => {};
  readonly #apply: (claim: MutableClaim, bytes: number) => void;

  constructor(
    name: string,
    shrink: ((bytes: number) => number) | undefined,
    apply: (claim: MutableClaim, bytes: number) => void,
  ) {
    this.name = name;
    this.shrink = shrink;
    this.#apply = apply;
  }

  resize(bytes: number): void {
    this.#apply(this, bytes);
  }

  [Symbol.dispose](): void {
    this.#apply(this, 0);
    this.onRelease();
  }
}
