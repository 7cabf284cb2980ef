/** Parts of an index as they come from a store, checked to fit together: a store only vouches for their bytes. */
import { asU32 } from "../../bytes.ts";
import type { Metric } from "../../codecs/codec.ts";
import { deserialize, type SerialHeader } from "../../codecs/serial.ts";
import { MnemeError } from "../../errors.ts";
import { MOST_ENTRIES, NO_ROW } from "../../kernels/index.ts";
import type { Parts } from "../segment.ts";

export class CheckedParts {
  readonly #name: string;
  readonly #parts: Parts;

  /** @param name of the kind of index, for messages @param parts borrowed */
  constructor(name: string, parts: Parts) {
    this.#name = name;
    this.#parts = parts;
  }

  /** Of the part `shape`. @throws MnemeError CORRUPT, VERSION */
  header(id: string, version: number): { header: SerialHeader; arrays: Uint8Array[] } {
    const { header, arrays } = deserialize(this.part("shape"));
    if (header.id !== id) throw this.corrupt(`part shape is of ${JSON.stringify(header.id)}`);
    if (header.version !== version)
      throw new MnemeError(
        "VERSION",
        `${this.#name}: parts of version ${header.version}, this build reads ${version}; build the index anew`,
      );
    return { header, arrays };
  }

  /** @throws MnemeError CORRUPT */
  part(name: string): Uint8Array {
    const bytes = this.#parts.get(name);
    if (!bytes) throw this.corrupt(`part ${name} is missing`);
    return bytes;
  }

  /** @throws MnemeError CORRUPT */
  words(name: string): Uint32Array {
    return asU32(this.part(name));
  }

  /** Whole numbers from 0 of a header. @throws MnemeError CORRUPT */
  wholes<Name extends string>(header: SerialHeader, names: readonly Name[]): Record<Name, number> {
    const found = names.map((name): [Name, number] => {
      const value = header[name];
      if (typeof value === "number" && Number.isInteger(value) && value >= 0) return [name, value];
      throw this.corrupt(`${name} is ${JSON.stringify(value)}`);
    });
    return Object.fromEntries(found) as Record<Name, number>;
  }

  /** Of a header. @throws MnemeError CORRUPT */
  metric({ metric }: SerialHeader): Metric {
    if (metric === "cosine" || metric === "dot" || metric === "l2") return metric;
    throw this.corrupt(`metric ${metric}`);
  }

  /** @throws MnemeError CORRUPT */
  checkSizes(sizes: Readonly<Record<string, number>>): void {
    for (const [name, bytes] of Object.entries(sizes)) {
      const { byteLength } = this.part(name);
      if (byteLength !== bytes) throw this.corrupt(`part ${name} has ${byteLength} bytes, expected ${bytes}`);
    }
  }

  /** Part `rows`: ids of so many rows. @throws MnemeError CORRUPT */
  rows(count: number): Uint32Array {
    const rows = this.words("rows");
    if (new Set(rows).size !== count || rows.includes(NO_ROW))
      throw this.corrupt("part rows names a row twice");
    return rows;
  }

  /** Parts `links` and `entries` of a graph of so many rows. @throws MnemeError CORRUPT */
  graph(rows: number): { links: Uint32Array; entries: Uint32Array } {
    const [links, entries] = [this.words("links"), this.words("entries")];
    for (const [name, places] of Object.entries({ links, entries })) {
      const bad = places.find((row) => row >= rows && (row !== NO_ROW || places === entries));
      if (bad !== undefined) throw this.corrupt(`part ${name} leads to row ${bad} of ${rows}`);
    }
    if (entries.length > MOST_ENTRIES || (rows > 0 && entries.length === 0))
      throw this.corrupt(`part entries names ${entries.length} rows, from 1 to ${MOST_ENTRIES} are expected`);
    return { links, entries };
  }

  corrupt(what: string): MnemeError {
    return new MnemeError("CORRUPT", `${this.#name}: ${what}; build the index anew`);
  }
}
