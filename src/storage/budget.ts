/**
 * Budget: an accountant in bytes. Every structure that holds memory claims from it, is told to shrink when it is overdrawn,
 * and is listed by `usage()`. Not an allocator: claims are numbers, and a test holds them within 10% of the process.
 */
import { MnemeError } from "../errors.ts";

export type Tier = "ram" | "disk" | "remote";

export interface Claim extends Disposable {
  readonly name: string;
  readonly bytes: number;
  /**
   * States what the structure holds from now on. Growing may ask all that can shrink to do so, this one too, largest first; where that is
   * not enough nothing is granted: call it before allocating, or be shrinkable.
   * @throws MnemeError BUDGET, RANGE (not a whole number of bytes), DISPOSED (grown after release)
   */
  resize(bytes: number): void;
  /**
   * States what is there already and stays: asks others to shrink as `resize` does, and is never refused. `usedBytes` may exceed the
   * limit then, and whoever grows next is refused.
   */
  hold(bytes: number): void;
}

export interface ClaimOptions {
  readonly bytes?: number;
  /**
   * Frees at least `bytes` if it can (caches), states with `resize` what it then holds, and returns what it freed. Called while a claim
   * grows, this one or another: it must not grow any. Structures that cannot shrink leave it out.
   */
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
  #reclaiming = false;
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
    const claim = new MutableClaim(
      name,
      options.shrink,
      (entry, bytes, mayRefuse) => this.#resize(entry, bytes, mayRefuse),
      (entry) => this.#release(entry),
    );
    this.#claims.add(claim);
    try {
      if (options.bytes !== undefined) claim.resize(options.bytes);
      return claim;
    } catch (error) {
      this.#claims.delete(claim);
      throw error;
    }
  }

  usage(): BudgetUsage[] {
    return [...this.#claims].map((claim) => ({
      name: claim.name,
      bytes: claim.bytes,
      shrinkable: claim.shrink !== undefined,
    }));
  }

  #resize(claim: MutableClaim, bytes: number, mayRefuse: boolean): void {
    if (!Number.isSafeInteger(bytes) || bytes < 0)
      throw new MnemeError("RANGE", `${claim.name}: a claim is a whole number of bytes, got ${bytes}`);
    if (!this.#claims.has(claim)) {
      if (bytes === 0) return;
      throw new MnemeError("DISPOSED", `${claim.name}: its claim was released; claim anew`);
    }
    const before = claim.bytes;
    this.#set(claim, bytes);
    if (bytes <= before || this.#used <= this.limitBytes) return;
    this.#reclaim();
    // a cache that gave back what it had grown by has what it needs, though others hold more than the limit
    if (mayRefuse && this.#used > this.limitBytes && claim.bytes > before) this.#refuse(claim, before, bytes);
  }

  #set(claim: MutableClaim, bytes: number): void {
    this.#used += bytes - claim.bytes;
    claim.bytes = bytes;
  }

  #refuse(claim: MutableClaim, before: number, bytes: number): never {
    const short = this.#used - this.limitBytes;
    this.#set(claim, before);
    throw new MnemeError(
      "BUDGET",
      `${claim.name}: ${bytes} bytes exceed the budget of ${this.limitBytes} by ${short}; open with a larger budget`,
      { details: { name: claim.name, bytes, limit: this.limitBytes } },
    );
  }

  /**
   * The largest shrinkable claims give first, be it the growing one: a large cache that goes on growing would empty the small ones again and
   * again. What they say they hold counts, not what they answer.
   */
  #reclaim(): void {
    if (this.#reclaiming) return;
    this.#reclaiming = true;
    try {
      const elastic = [...this.#claims].filter(({ shrink }) => shrink).sort((a, b) => b.bytes - a.bytes);
      for (const claim of elastic) {
        const over = this.#used - this.limitBytes;
        if (over <= 0) return;
        claim.shrink!(over);
      }
    } finally {
      this.#reclaiming = false;
    }
  }

  #release(claim: MutableClaim): void {
    this.#used -= claim.bytes;
    claim.bytes = 0;
    this.#claims.delete(claim);
  }
}

class MutableClaim implements Claim {
  readonly name: string;
  readonly shrink: ((bytes: number) => number) | undefined;
  bytes = 0;
  readonly #resize: (claim: MutableClaim, bytes: number, mayRefuse: boolean) => void;
  readonly #release: (claim: MutableClaim) => void;

  constructor(
    name: string,
    shrink: ((bytes: number) => number) | undefined,
    resize: (claim: MutableClaim, bytes: number, mayRefuse: boolean) => void,
    release: (claim: MutableClaim) => void,
  ) {
    this.name = name;
    this.shrink = shrink;
    this.#resize = resize;
    this.#release = release;
  }

  resize(bytes: number): void {
    this.#resize(this, bytes, true);
  }

  hold(bytes: number): void {
    this.#resize(this, bytes, false);
  }

  /** Gives everything back; a second time does nothing. */
  [Symbol.dispose](): void {
    this.#release(this);
  }
}
