/** The definition of Hamming distances as a plain loop in WebAssembly: what the faster ways are measured against. */
import asc from "assemblyscript/asc";

const SOURCE = `
export function distances(text: usize, pattern: usize, length: usize, count: usize, out: usize): void {
  for (let i: usize = 0; i < count; i++) {
    let distance: u32 = 0;
    for (let j: usize = 0; j < length; j++)
      if (load<u32>(text + ((i + j) << 2)) != load<u32>(pattern + (j << 2))) distance++;
    store<u32>(out + (i << 2), distance);
  }
}`;

export type NaiveHamming = (text: Uint32Array, pattern: Uint32Array, alignments: number) => Uint32Array;

/** Distances of the first `alignments`. */
export async function naiveHamming(): Promise<NaiveHamming> {
  let bytes: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ["naive.ts", "--outFile", "naive.wasm", "-O3", "--runtime", "stub", "--importMemory", "--noAssert"],
    {
      readFile: (name) => (name === "naive.ts" ? SOURCE : null),
      writeFile: (name, contents) => {
        if (name === "naive.wasm") bytes = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error || !bytes) throw new Error(`bench: the plain loop does not compile: ${stderr}`);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort() {} } });
  const loop = exports.distances as (...places: number[]) => void;
  return (text, pattern, alignments) => {
    const symbols = Math.min(text.length, alignments + pattern.length - 1);
    const needed = (symbols + pattern.length + alignments) * 4 + 1024;
    if (memory.buffer.byteLength < needed)
      memory.grow(Math.ceil((needed - memory.buffer.byteLength) / 65_536));
    const words = new Uint32Array(memory.buffer);
    const [at, patternAt, out] = [256, 256 + symbols, 256 + symbols + pattern.length];
    words.set(text.subarray(0, symbols), at);
    words.set(pattern, patternAt);
    loop(at * 4, patternAt * 4, pattern.length, alignments, out * 4);
    return words.slice(out, out + alignments);
  };
}
