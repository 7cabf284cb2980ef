/** The undo window: forgotten items whose rows are hidden but kept until their time is up or a compaction makes it final. */
import { RowSet } from "../../index/row-set.ts";
import type { Store } from "../../storage/store.ts";
import { decodeJson, encodeJson, type IdEntry, NS } from "../layout.ts";

export interface TrashEntry {
  readonly token: string;
  readonly until: number;
  readonly items: readonly (readonly [id: string, entry: IdEntry])[];
}

export class Trash {
  readonly #entries = new Map<string, TrashEntry>();
  /** Rows that merges must keep. */
  rows: RowSet = new RowSet();

  static load(store: Store): Trash {
    const trash = new Trash();
    for (const { value } of store.range(NS.trash)) trash.add(decodeJson<TrashEntry>(value));
    return trash;
  }

  get entries(): readonly TrashEntry[] {
    return [...this.#entries.values()];
  }

  get(token: string): TrashEntry | undefined {
    return this.#entries.get(token);
  }

  add(entry: TrashEntry): void {
    this.#entries.set(entry.token, entry);
    for (const [, { firstRow, rows }] of entry.items) this.rows.addRange(firstRow, firstRow + rows);
  }

  remove(tokens: readonly string[]): void {
    for (const token of tokens) this.#entries.delete(token);
    const left = this.entries;
    this.rows = new RowSet();
    for (const entry of left) this.add(entry);
  }

  /** Tokens whose window has closed. */
  expired(now: number): string[] {
    return this.entries.filter((entry) => entry.until <= now).map((entry) => entry.token);
  }

  static bytes(entry: TrashEntry): Uint8Array {
    return encodeJson(entry);
  }
}
