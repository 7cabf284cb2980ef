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
