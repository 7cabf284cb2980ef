/** The SDSL library's FM-index beside ours: fm-index.cpp, compiled where the library is there (Debian: libsdsl-dev; $SDSL names another prefix). */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { repository } from "./row.ts";

export interface SdslFigures {
  readonly wall: number;
  readonly cpu: number;
  readonly peak: number;
  readonly bytes: number;
  readonly found: number;
  readonly countSeconds: number;
  readonly located: number;
  readonly locateSeconds: number;
}

/** @returns the program, or undefined where it does not compile */
export function compileSdsl(folder: string): string | undefined {
  const program = join(folder, "fm-index-sdsl");
  const prefix = process.env.SDSL ?? "/usr";
  const libraries = join(prefix, "lib/x86_64-linux-gnu");
  const { status, stderr } = spawnSync("g++", [
    ...["-O3", "-march=native", "-DNDEBUG", "-std=c++17", join(repository, "bench/fm-index.cpp")],
    ...["-o", program, `-I${prefix}/include`, `-I${prefix}/include/x86_64-linux-gnu`, `-L${libraries}`],
    ...[`-Wl,-rpath,${libraries}`, "-lsdsl", "-ldivsufsort", "-ldivsufsort64"],
  ]);
  if (status === 0) return program;
  console.log(`no SDSL: apt install libsdsl-dev (${String(stderr).split("\n")[0]})`);
  return undefined;
}

export function runSdsl(
  program: string,
  text: string,
  kind: "plain" | "rrr",
  folder: string,
  phrases: string,
): SdslFigures {
  const { stdout } = spawnSync(program, [text, kind, folder, phrases], { encoding: "utf8" });
  return JSON.parse(stdout) as SdslFigures;
}
