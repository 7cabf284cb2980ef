/** Named tensors of a checkpoint, read in pieces as f32, whatever they are stored as; or in the blocks that they are stored in. */

/** Quantised blocks, as a GGUF file has them. */
export interface StoredBlocks {
  /** Its name, "Q8_0". */
  readonly type: string;
  readonly bytes: Uint8Array;
}

export interface TensorSource extends Disposable {
  /** For messages: the file or folder. */
  readonly name: string;
  shapeOf(tensor: string): readonly number[] | undefined;
  /** Of the blocks that `readBlocks` gives; undefined where there are none. @throws MnemeError UNSUPPORTED for a dtype that `read` does not know */
  blockType?(tensor: string): string | undefined;
  /** @throws MnemeError CORRUPT naming a file that was written to since it was opened */
  checkUnchanged?(): void;
  /** `count` values from `start` on, row-major. @throws MnemeError UNSUPPORTED for a dtype, IO */
  read(tensor: string, start: number, count: number): Float32Array;
  /**
   * The same values as they are stored, where that is in blocks. Borrowed until the next call.
   * @param roomFor where so many bytes, or more than asked for, may be read to
   */
  readBlocks?(
    tensor: string,
    start: number,
    count: number,
    roomFor?: (bytes: number) => Uint8Array,
  ): StoredBlocks | undefined;
}
