import { availableParallelism, freemem, totalmem } from "node:os";
import { kernels, reference } from "../../kernels/index.ts";
import { formatBytes } from "../../memory/units.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { libraryPath, withLibrary } from "../library.ts";
import { plural, print, printJson } from "../output.ts";

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export default command({
  name: "doctor",
  summary: "Check the machine and the library: every stored byte against its checksum",
  args: libraryArgs,
  examples: [["mneme doctor", "machine, kernels, model; and the library when there is one"]],
  async run(args) {
    const checks: Check[] = [
      machine(),
      await attempt("kernels", checkKernels),
      await attempt("model", checkModel),
    ];
    const { existsSync } = await import("node:fs");
    if (args.library || existsSync(libraryPath(args)))
      checks.push(await attempt("library", () => checkLibrary(args)));
    else checks.push({ name: "library", ok: true, detail: `none at ${libraryPath(args)}` });
    if (args.json) printJson({ ok: checks.every(({ ok }) => ok), checks });
    else
      for (const { name, ok, detail } of checks)
        print(`${ok ? "ok  " : "FAIL"}  ${name.padEnd(8)}  ${detail}`);
    return checks.every(({ ok }) => ok) ? EXIT.ok : EXIT.damaged;
  },
});

function machine(): Check {
  const detail = `Node ${process.version}, ${process.platform} ${process.arch}, ${availableParallelism()} cores, ${formatBytes(freemem())} of ${formatBytes(totalmem())} free`;
  return { name: "machine", ok: true, detail };
}

async function attempt(name: string, check: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, detail: await check() };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

async function checkKernels(): Promise<string> {
  const query = Float32Array.from({ length: 37 }, (_, i) => Math.sin(i));
  const [fast, slow] = [new Float32Array(3), new Float32Array(3)];
  const rows = Float32Array.from({ length: 111 }, (_, i) => Math.cos(i));
  kernels().dotF32(query, rows, fast);
  reference.dotF32(query, rows, slow);
  if (fast.some((value, i) => Math.abs(value - slow[i]!) > 1e-3))
    throw new Error("WebAssembly kernels disagree with their plain twins");
  return "WebAssembly SIMD agrees with the plain twins";
}

async function checkModel(): Promise<string> {
  const { bundledEmbedder } = await import("../../embed/bundled.ts");
  await using embedder = await bundledEmbedder();
  const { data } = await embedder.embed(["memory"]);
  if (!data.some((value) => value !== 0)) throw new Error("the bundled model gives an empty vector");
  return `${embedder.space.model}@${embedder.space.revision}, ${embedder.space.dim} values`;
}

/** Opening checks the structure; reading every item and every value checks every checksum. */
async function checkLibrary(args: {
  library?: string | undefined;
  budget?: string | undefined;
}): Promise<string> {
  return withLibrary(args, "read", async (memory) => {
    let items = 0;
    for await (const head of memory.list()) {
      const item = await memory.get(head.id);
      const { byteLength } = item?.data ?? new TextEncoder().encode(item?.text);
      if (item && byteLength !== head.bytes)
        throw new Error(`item ${head.id}: its text is not as long as its header says`);
      items++;
    }
    const info = memory.info();
    const [damaged] = info.substrings?.refused ?? [];
    if (damaged) throw new Error(`${damaged}; \`mneme compact\` builds it anew`);
    if (items !== info.items)
      throw new Error(`${items} items listed, ${info.items} counted; index again or restore a snapshot`);
    return `${info.location}: ${plural(items, "item")}, ${plural(info.passages, "passage")}, ${formatBytes(info.diskBytes)}, all checksums right`;
  });
}
