/** What is read of a shard, checked: header and tables once, blocks and pages of inverse samples when they are needed. */
import { asU32 } from "../../../bytes.ts";
import { FM_BLOCK_ROWS } from "../../../kernels/fm.ts";
import type { ByteSource } from "../../../storage/byte-source.ts";
import { crc32 } from "../../../storage/crc32.ts";
import type { MaybePromise } from "../../../storage/store.ts";
import { DocumentTable } from "./document-table.ts";
import {
  damaged,
  INVERSE_PAGE,
  readTrailer,
  type Section,
  type ShardHeader,
  TRAILER_BYTES,
} from "./shard-format.ts";

/** Pages of inverse samples that are kept. */
const KEPT_PAGES = 64;

export class ShardSource {
  readonly location: string;
  readonly header: ShardHeader;
  readonly documents: DocumentTable;
  readonly #source: ByteSource;
  /** Starts of blocks, then checksums. */
  readonly #directory: Uint32Array;
  readonly #pages = new Map<number, Uint32Array>();
  /** By block: it was read before and was whole. */
  readonly #checked: Uint8Array;

  private constructor(source: ByteSource, header: ShardHeader, directory: Uint32Array, lengths: Uint8Array) {
    this.#source = source;
    this.location = source.location ?? "shard";
    this.header = header;
    this.#directory = directory;
    this.#checked = new Uint8Array(Math.ceil(header.rows / FM_BLOCK_ROWS));
    this.documents = new DocumentTable(lengths, header.documents, header.sampleRate);
  }

  /** @throws MnemeError CORRUPT, VERSION; the source's own errors */
  static async open(source: ByteSource): Promise<ShardSource> {
    const { size, location = "shard" } = source;
    if (size < TRAILER_BYTES) throw damaged(location, "its length");
    const read = async (section: Section, name: string): Promise<Uint8Array> => {
      if (section.at + section.bytes > size) throw damaged(location, name);
      const bytes = await source.read(section.at, section.bytes);
      if (crc32(bytes) !== section.crc) throw damaged(location, name);
      return bytes;
    };
    const end = await source.read(size - TRAILER_BYTES, TRAILER_BYTES);
    const header = JSON.parse(
      new TextDecoder().decode(await read(readTrailer(end, location, size), "its header")),
    ) as ShardHeader;
    const directory = asU32(await read(header.directory, "the table of its blocks"));
    return new ShardSource(
      source,
      header,
      directory,
      await read(header.lengths, "the table of its documents"),
    );
  }

  get blocks(): number {
    return Math.ceil(this.header.rows / FM_BLOCK_ROWS);
  }

  /** Bytes of the whole shard. */
  get size(): number {
    return this.#source.size;
  }

  /** Bytes of RAM held by tables and pages. */
  get memoryBytes(): number {
    const pages = [...this.#pages.values()].reduce((sum, page) => sum + page.byteLength, 0);
    return this.#directory.byteLength + this.#checked.byteLength + this.documents.bytes + pages;
  }

  blockBytes(number: number): number {
    return (this.#directory[number + 1]! - this.#directory[number]!) * 16;
  }

  /**
   * Reads a block to `into`, of its size. At once where the source can. A block is checked when it is first read: a query goes through so
   * many that the sums would take more than half of its time. @throws MnemeError CORRUPT
   */
  readBlock(number: number, into: Uint8Array): MaybePromise<void> {
    const at = this.#directory[number]! * 16;
    if (this.#source.readInto) {
      this.#source.readInto(at, into);
      return this.#check(number, into);
    }
    const read = this.#source.read(at, into.length);
    const keep = (bytes: Uint8Array): void => {
      into.set(bytes);
      this.#check(number, into);
    };
    return read instanceof Uint8Array ? keep(read) : read.then(keep);
  }

  #check(number: number, bytes: Uint8Array): void {
    if (this.#checked[number] === 1) return;
    if (crc32(bytes) !== this.#directory[this.blocks + 1 + number])
      throw damaged(
        this.location,
        `block ${number}, ${bytes.length} bytes at ${this.#directory[number]! * 16},`,
      );
    this.#checked[number] = 1;
  }

  /** Row of a sample that is kept. @throws MnemeError CORRUPT */
  async rowOf(sample: number): Promise<number> {
    const entry = sample / this.header.inverseRate;
    const number = Math.floor(entry / INVERSE_PAGE);
    const page = this.#pages.get(number) ?? (await this.#readPage(number));
    return page[entry % INVERSE_PAGE]!;
  }

  async #readPage(number: number): Promise<Uint32Array> {
    const { at, bytes } = this.header.inverse;
    const start = number * INVERSE_PAGE * 4;
    const read = await this.#source.read(at + start, Math.min(INVERSE_PAGE * 4, bytes - start));
    if (crc32(read) !== this.#directory[2 * this.blocks + 1 + number])
      throw damaged(
        this.location,
        `page ${number} of its inverse samples, ${read.length} bytes at ${at + start},`,
      );
    const page = asU32(read);
    this.#pages.set(number, page);
    if (this.#pages.size > KEPT_PAGES) this.#pages.delete(this.#pages.keys().next().value!);
    return page;
  }

  async close(): Promise<void> {
    await this.#source.close();
  }
}
