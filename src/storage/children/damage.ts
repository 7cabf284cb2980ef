/**
 * Test child: damages copies of a library in many ways and opens, reads and writes each. Prints a line before each case, so that a
 * crash names its case. Arguments: work folder, seed, cases.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lmdbStore } from "../lmdb-store.ts";
import { buildLibrary, checkItems, type Item, randomNumbers, refusalOf } from "./library.ts";

const [work, seed, cases] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const random = randomNumbers(seed);
const pick = (below: number): number => Math.floor(random() * below);
const PAGE = 4096;

mkdirSync(work, { recursive: true });
const pristine = join(work, "pristine");
const items = await buildLibrary(pristine);
const file = readdirSync(pristine).find((name) => name.endsWith(".mdb"))!;
const sound = readFileSync(join(pristine, file));
const structure = structuralBytes(sound);
const heads = structure.filter((at) => at % PAGE < 168);
const outcomes: Record<string, number> = {};

for (let i = 0; i < cases; i++) {
  const folder = join(work, "case");
  rmSync(folder, { recursive: true, force: true });
  cpSync(pristine, folder, { recursive: true });
  const { name, bytes } = damage(i);
  process.stdout.write(`${name}\n`);
  writeFileSync(join(folder, file), bytes);
  const outcome = await attempt(folder, i % 2 === 1);
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}
process.stdout.write(`done ${JSON.stringify(outcomes)}\n`);

/** Offsets of all meta, branch and leaf pages and of the heads of overflow runs. */
function structuralBytes(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let page = 0; page < bytes.length / PAGE; page++) {
    const at = page * PAGE;
    const flags = bytes.readUInt16LE(at + 18);
    const own = page < 2 || bytes.readUInt32LE(at) === page;
    const length = !own ? 0 : [1, 2].includes(flags) ? PAGE : flags === 4 ? 24 : page < 2 ? 168 : 0;
    for (let i = 0; i < length; i++) offsets.push(at + i);
  }
  return offsets;
}

function damage(index: number): { readonly name: string; readonly bytes: Buffer } {
  if (index % 10 === 9) {
    const length = pick(sound.length);
    return { name: `cut at ${length}`, bytes: sound.subarray(0, length) };
  }
  const bytes = Buffer.from(sound);
  // Headers and offsets are a small share of the structure: half of the flips go to the first bytes of a page.
  const from = index % 4 < 2 ? heads : structure;
  const at = index % 10 === 8 ? pick(bytes.length) : from[pick(from.length)]!;
  const bit = pick(8);
  bytes[at]! ^= 1 << bit;
  return { name: `flip bit ${bit} of byte ${at} (page ${Math.floor(at / PAGE)} + ${at % PAGE})`, bytes };
}

async function attempt(folder: string, writing: boolean): Promise<string> {
  let outcome = "";
  try {
    const store = await lmdbStore(folder, { readOnly: !writing });
    try {
      outcome = checkItems(store, items) > 0 ? "some refused" : "all right";
      if (writing) checkItems(store, await rewrite(store));
    } finally {
      await store.close();
    }
  } catch (error) {
    return refusalOf(error);
  }
  if (!writing) return outcome;
  const again = await lmdbStore(folder);
  checkItems(again, rewritten(items));
  await again.close();
  return `${outcome}, rewritten`;
}

/** Overwrites, deletes and adds, so that every kind of page is freed and used again. */
async function rewrite(store: Awaited<ReturnType<typeof lmdbStore>>): Promise<Item[]> {
  for (let round = 0; round < 3; round++)
    await store.batch((batch) => {
      items.forEach(({ namespace, key, value }, i) => {
        if (i % 3 === 0)
          batch.put(
            namespace,
            key,
            value.map((byte) => byte ^ 255),
          );
        else if (i % 3 === 1) batch.delete(namespace, key);
      });
    });
  return rewritten(items);
}

function rewritten(all: readonly Item[]): Item[] {
  return all.flatMap((item, i) => {
    if (i % 3 === 1) return [];
    return i % 3 === 0 ? [{ ...item, value: item.value.map((byte) => byte ^ 255) }] : [item];
  });
}
