/** A ZIP archive whose entries are inflated one by one, up to a bound: a few kilobytes can hold gigabytes. By JSZip, which DOCX brings too. */
import type JSZip from "jszip";
import { MnemeError } from "../../../errors.ts";
import { crc32 } from "../../../storage/crc32.ts";

/** Bytes of all entries that are read of one file. */
export const MAX_INFLATED_BYTES: number = 128 << 20;

export class ZipArchive {
  readonly #zip: JSZip;
  readonly #name: string;
  readonly #most: number;
  #inflated = 0;

  private constructor(zip: JSZip, name: string, most: number) {
    this.#zip = zip;
    this.#name = name;
    this.#most = most;
  }

  /** @param name in messages */
  static async open(bytes: Uint8Array, name: string, most: number = MAX_INFLATED_BYTES): Promise<ZipArchive> {
    const { default: Zip } = await import("jszip");
    return new ZipArchive(await Zip.loadAsync(bytes), name, most);
  }

  has(path: string): boolean {
    return this.#zip.file(path) !== null;
  }

  /** @throws MnemeError FORMAT where there is no such entry, it is damaged, or the bound is reached; whatever JSZip says of others */
  async read(path: string): Promise<Uint8Array> {
    const entry = this.#zip.file(path);
    if (!entry) throw new MnemeError("FORMAT", `${this.#name}: ${path} is missing`);
    const chunks: Uint8Array[] = [];
    await new Promise<void>((resolve, reject) => {
      const stream = entry.nodeStream();
      stream.on("data", (chunk: Uint8Array) => {
        this.#inflated += chunk.length;
        chunks.push(chunk);
        if (this.#inflated <= this.#most) return;
        stream.pause();
        reject(new MnemeError("FORMAT", `${this.#name}: holds more than ${this.#most} bytes of text`));
      });
      stream.on("error", reject);
      stream.on("end", resolve);
    });
    const bytes = new Uint8Array(Buffer.concat(chunks));
    if (crc32(bytes) !== checksumOf(entry))
      throw new MnemeError("FORMAT", `${this.#name}: ${path} is damaged (its checksum is another)`);
    return bytes;
  }
}

/** JSZip checks it only for all entries of an archive together, inflated at once and without a bound; it has it in a field of its own. */
function checksumOf(entry: JSZip.JSZipObject): number | undefined {
  const { crc32: checksum } = (entry as unknown as { readonly _data: { readonly crc32?: number } })._data;
  return checksum === undefined ? undefined : checksum >>> 0;
}
