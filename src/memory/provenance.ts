/** Where an item came from (MemOS, 2025: the descriptive header of a MemCube). */
export interface Provenance {
  readonly origin: "user" | "file" | "web" | "conversation" | "system";
  /** Absolute path or URL. */
  readonly uri?: string;
  readonly mediaType?: string;
  /** Bytes and modification time (ms) of the source when it was read. */
  readonly sourceBytes?: number;
  readonly modifiedAt?: number;
}
