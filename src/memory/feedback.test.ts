import { expect, test } from "vitest";
import { open } from "./index.ts";

/** Two kinds of document that share the asked word; one kind is all about tides. */
const documents = [
  {
    id: "tide",
    text: "A tide table lists high water and low water: the moon pulls the sea and the harbour floods.",
  },
  {
    id: "moon",
    text: "The moon pulls the sea; high water floods the harbour twice a day, low water empties it.",
  },
  { id: "detergent", text: "Tide is a brand of laundry powder sold in orange boxes by the kilogram." },
  { id: "chess", text: "A rook moves along ranks and files; castling moves king and rook at once." },
];

test("the best passages lift what shares their words, unless that is not wanted", async () => {
  await using memory = await open(":memory:");
  await memory.add(documents);
  const scores = async (feedback: boolean): Promise<Record<string, number>> => {
    const { hits } = await memory.search("tide table", { feedback });
    expect(hits[0]!.id).toBe("tide");
    return Object.fromEntries(hits.map(({ id, score }) => [id, score]));
  };
  const [sharpened, plain] = [await scores(true), await scores(false)];
  // "moon" has no word of the question, and nearly all words of the passage that answers it
  const lift = (of: Record<string, number>): number => of.moon! / of.detergent!;
  expect(lift(sharpened)).toBeGreaterThan(1.5 * lift(plain));
  expect(sharpened.moon!).toBeGreaterThan(sharpened.chess ?? 0);
});

/** The passages that the plan chooses and ranks by, for each place of interpolation. */
test("interpolation: before chooses passages by words too, after ranks by them too", async () => {
  await using memory = await open(":memory:");
  await memory.add(documents);
  const meaning = await memory.search("tide table", { retriever: "meaning" });
  const plain = await memory.search("tide table", { retriever: "meaning", feedback: true });
  expect(plain.hits.map(({ score }) => score)).toEqual(meaning.hits.map(({ score }) => score));
  for (const again of [false, true]) {
    const feedback = { again, passages: 1 };
    const ranked = async (interpolate: "none" | "before" | "after" | "both") =>
      (await memory.search("tide table", { interpolate, feedback })).hits;
    // by meaning alone: scores are cosines of the sharpened question, whose first passage is itself the nearest
    for (const one of ["none", "before"] as const) {
      const hits = await ranked(one);
      expect(
        hits.every(({ reasons }) => reasons.every(({ by }) => one === "before" || by === "meaning")),
      ).toBe(true);
      expect(hits.every(({ score }) => score <= 1.001)).toBe(true);
    }
    for (const one of ["after", "both"] as const)
      expect((await ranked(one))[0]!.reasons.map(({ by }) => by)).toEqual(["words", "meaning"]);
  }
});

test("words alone have feedback where options say so", async () => {
  await using memory = await open(":memory:");
  await memory.add(documents);
  const found = async (feedback: boolean | object): Promise<string[]> =>
    (await memory.search("tide table", { retriever: "words", feedback })).hits.map(({ id }) => id);
  expect(await found(true)).not.toContain("moon");
  expect(await found({ passages: 1 })).toContain("moon");
  expect(await found({ words: "none" })).toEqual(await found(false));
});

test("a guard keeps feedback away where no passage stands out, and says so", async () => {
  await using memory = await open(":memory:");
  await memory.add(documents);
  const guarded = await memory.search("tide table", { feedback: { guard: 1, passages: 1 } });
  expect(guarded.notes.join()).toMatch(/no feedback: the best passage leads by/);
  const few = await memory.search("tide table", { feedback: { guard: 0.1, passages: 50 } });
  expect(few.notes.join()).toMatch(/no feedback: only 4 passages/);
});

test("what is no plan is refused by name", async () => {
  await using memory = await open(":memory:");
  await memory.add(documents);
  const refused: [object, string, RegExp][] = [
    [{ interpolate: "twice" }, "ARGUMENT", /interpolate must be one of "none", "before", "after", "both"/],
    [{ fusion: { form: "sum" } }, "ARGUMENT", /fusion\.form/],
    [{ fusion: { first: -0.1 } }, "RANGE", /fusion\.first must be a number from 0 to 1, got -0\.1/],
    [{ fusion: { last: Number.NaN } }, "RANGE", /fusion\.last/],
    [{ feedback: { passages: 0 } }, "RANGE", /feedback\.passages/],
    [
      { feedback: { passages: 2.5 } },
      "RANGE",
      /feedback\.passages must be a whole number from 1 to 100, got 2\.5/,
    ],
    [{ feedback: { guard: 2 } }, "RANGE", /feedback\.guard/],
    [{ feedback: { vectors: "all" } }, "ARGUMENT", /feedback\.vectors/],
    [{ feedback: 3 }, "ARGUMENT", /feedback must be true, false or options, got 3/],
  ];
  for (const [options, code, message] of refused)
    await expect(memory.search("tide", options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
});

test("reasons tell how near the question as it was asked is, whatever feedback made of it", async () => {
  await using memory = await open(":memory:");
  await memory.add(documents);
  const { hits: near } = await memory.search("tide table", { retriever: "meaning", feedback: false });
  const cosines = new Map(near.map(({ id, score }) => [id, score]));
  for (const again of [false, true]) {
    const { hits } = await memory.search("tide table", { feedback: { again } });
    const told = hits.flatMap(({ id, reasons }) =>
      reasons.flatMap(({ by, score }) => (by === "meaning" ? [[id, score] as const] : [])),
    );
    expect(told.length).toBeGreaterThan(1);
    for (const [id, score] of told) expect(score, id).toBeCloseTo(cosines.get(id)!, 2);
  }
});
