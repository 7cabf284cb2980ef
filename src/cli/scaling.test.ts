/** `mneme scaling` as it is typed. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { open } from "../memory/index.ts";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "mneme-scaling-cli-"));
const at = (name: string): string => join(scratch, name);
const [log, qrels] = [at("log.jsonl"), at("qrels.tsv")];
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const PLACES = ["Rome", "Oslo", "Lima", "Cairo", "Quito", "Delhi", "Paris", "Dakar"];
const THINGS = ["harbour", "library", "garden", "market", "tower"];
const facts = PLACES.flatMap((place, p) =>
  THINGS.map((thing, t) => ({
    id: `${place}-${thing}`,
    text: `The ${thing} of ${place} opens at ${p + t} o'clock in the morning and closes again late in the evening of every day.`,
    question: `When does the ${thing} of ${place} open?`,
    answer: `${p + t} o'clock`,
  })),
);

beforeAll(async () => {
  for (const [name, some] of [
    ["library.mneme", facts.slice(0, 30)],
    ["more.mneme", facts.slice(30)],
  ] as const) {
    await using memory = await open(at(name), { workers: 0 });
    await memory.add(some.map(({ id, text }) => ({ id, text })));
  }
  writeFileSync(
    log,
    facts.map(({ id, question, answer }) => JSON.stringify({ id, query: question, answer })).join("\n"),
  );
  writeFileSync(qrels, `query\tdocument\tgrade\n${facts.map(({ id }) => `${id}\t${id}\t1\n`).join("")}`);
});

function mneme(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, "scaling", "-q", "-l", at("library.mneme"), "--queries", log, ...args],
    { encoding: "utf8" },
  );
  return { code: status, out: stdout, err: stderr };
}

describe.skipIf(!existsSync(main))("mneme scaling", () => {
  test("measures two libraries as one, and draws the curves", () => {
    const { code, out, err } = mneme(
      at("more.mneme"),
      "--judgements",
      qrels,
      "--k",
      "4",
      "--json",
      "--svg",
      at("a.svg"),
    );
    expect(err).toBe("");
    expect(code).toBe(0);
    const [series] = JSON.parse(out).series;
    expect(series).toMatchObject({ name: "meaning", queries: 40, skipped: 0, k: 4 });
    const last = series.points.at(-1);
    expect(last).toMatchObject({ fraction: 1, documents: 40 });
    expect(last.metrics.recall.mean).toBeGreaterThan(series.points[0].metrics.recall.mean);
    expect(last.metrics.found.mean).toBeGreaterThan(0.5);
    expect(last.metrics.exact).toBeUndefined();
    expect(series.fits.ndcg.b).toBeGreaterThan(0);
    expect(readFileSync(at("a.svg"), "utf8")).toMatch(/^<svg [\s\S]*recall@4[\s\S]*<\/svg>\n$/);
  });

  test("compares codecs, and answers with a model", () => {
    const byCodec = mneme("--judgements", qrels, "--k", "3", "--codecs", "f32,rabitq1", "--svg", at("b.svg"));
    expect(byCodec.code).toBe(0);
    expect(byCodec.out).toMatch(/^store +share +documents +bytes +nDCG@3 +recall@3 +answer found\nf32 /);
    expect(byCodec.out).toMatch(/rabitq1: nDCG@3 = .* ln\(documents\), b from .* to /);
    expect(readFileSync(at("b.svg"), "utf8")).toContain(">bytes<");
    const model = writeModelFolder(at("tiny"), { context: 4096 });
    const answered = mneme(
      "--fractions",
      "0.5,1",
      "--seeds",
      "1",
      "--k",
      "2",
      "--model",
      model,
      "--weight-cache",
      "off",
    );
    expect(answered.err).toBe("");
    expect(answered.out).toContain("exact match");
  });

  test("says what is wrong", () => {
    expect(mneme("--fractions", "0,1").err).toMatch(/RANGE.*above 0 and at most 1/);
    expect(mneme("--fractions", "half,1").err).toMatch(/ARGUMENT.*half/);
    expect(mneme("--judgements", at("none.tsv")).err).toMatch(/NOT_FOUND/);
    expect(mneme("--codecs", "f33").err).toMatch(/ARGUMENT.*f33/);
    expect(mneme(at("library.mneme"), "--k", "2").err).toMatch(/EXISTS/);
    expect(mneme("--help").out).toContain("mneme scaling --queries log.jsonl --judgements qrels.tsv");
  });
});
