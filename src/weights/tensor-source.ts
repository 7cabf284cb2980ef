/** Named tensors of a checkpoint, read in pieces as f32, whatever they are stored as. */

export interface TensorSource extends Disposable {
  /** For messages: the file or folder. */
  readonly name: string;
  shapeOf(tensor: string): readonly number[] | undefined;
  /** `count` values from `start` on, row-major. @throws MnemeError UNSUPPORTED for a dtype, IO */
  read(tensor: string, start: number, count: number): Float32Array;
}
