/** hnswlib's index built on several threads: hnswlib-build.cpp, compiled beside the headers of the installed package. */
import { execFileSync, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { repository } from "./row.ts";

export interface HnswlibBuild {
  /** File of f32 rows. */
  readonly vectors: string;
  readonly rows: number;
  readonly dim: number;
  readonly metric: "l2" | "cosine";
  readonly links: number;
  readonly effort: number;
  /** That the package reads. */
  readonly file: string;
  readonly threads: number;
}

/** @returns processor seconds; undefined where it does not compile. @throws Error when the build fails */
export function buildHnswlib(build: HnswlibBuild): number | undefined {
  const { vectors, rows, dim, metric, links, effort, file, threads } = build;
  const require = createRequire(join(repository, "bench/package.json"));
  const headers = join(dirname(require.resolve("hnswlib-node/package.json")), "src/hnswlib");
  const program = join(dirname(file), "hnswlib-build");
  const source = join(repository, "bench/hnswlib-build.cpp");
  const flags = ["-O3", "-march=native", "-std=c++17", "-pthread", `-I${headers}`];
  const { status } = spawnSync("g++", [...flags, source, "-o", program]);
  if (status !== 0) return undefined;
  const args = [vectors, rows, dim, metric, links, effort, file, threads].map(String);
  return Number(execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
}
