/** ask: by extraction, by a model whose every sentence is checked, and honest about what the library does not hold. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ScriptedModel, type ScriptOptions } from "../../test/support/scripted-model.ts";
import { MnemeError } from "../errors.ts";
import { CitedText } from "./answer/cited-text.ts";
import {
  type AnswerPart,
  type AskOptions,
  type ChatMessage,
  type Citation,
  type Memory,
  open,
} from "./index.ts";

type Done = Extract<AnswerPart, { type: "done" }>;

const documents = [
  {
    id: "uploads.md",
    text: "# Uploads\n\nFiles are sent in parts. The maximum size of an upload is 40 MB. Larger files are refused.",
  },
  {
    id: "backups.md",
    text: "# Backups\n\nA snapshot is one file with a checksum. A backup of an upload is written every 6 hours.",
  },
  { id: "billing.md", text: "# Billing\n\nInvoices are sent on the first day of the month." },
];
const QUESTION = "What is the maximum size of an upload?";

let memory: Memory;
beforeAll(async () => {
  memory = await open(":memory:", { workers: 0 });
  await memory.add(documents);
});
afterAll(() => memory.close());

async function ask(
  question: string,
  options: AskOptions = {},
): Promise<{ text: string; citations: Citation[]; done: Done }> {
  let text = "";
  const citations: Citation[] = [];
  for await (const part of memory.ask(question, options)) {
    if (part.type === "done") return { text, citations, done: part };
    text += part.text;
    if (part.type === "citation") citations.push(part.citation);
  }
  throw new Error("no last part");
}

const says = (text: string, options?: ScriptOptions) =>
  ask(QUESTION, { model: new ScriptedModel(text, options) });

describe("without a model", () => {
  test("sentences of the library, each cited", async () => {
    const { text, citations, done } = await ask(QUESTION);
    expect(text).toContain("The maximum size of an upload is 40 MB. [1]");
    expect(citations[0]).toMatchObject({ number: 1, id: "uploads.md" });
    expect(done).toMatchObject({ answered: true, by: "extraction", notes: [] });
  });

  test.each([
    ["Which wine goes with oysters?", /not in the library.*lacks "wine", "goes", "oysters"$/],
    ["What is the", /no word to look for/],
  ])("%j is not in it", async (question, reason) => {
    const { text, done } = await ask(question);
    expect(text).toBe("");
    expect(done).toMatchObject({ answered: false, reason: expect.stringMatching(reason) });
    expect(done.by).toBeUndefined();
  });

  test("a flag in a question is a word, not an operator", async () => {
    const flags = await open(":memory:", { workers: 0 });
    await flags.add([{ id: "serve.md", text: "# Serve\n\nWith `--read-only` the server refuses writes." }]);
    const parts: AnswerPart[] = [];
    for await (const part of flags.ask("What does --read-only do?")) parts.push(part);
    expect(parts[0]!.text).toContain("refuses writes");
    await flags.close();
  });

  test("an empty question is refused", async () => {
    await expect(ask("  ")).rejects.toMatchObject({ code: "ARGUMENT" });
  });

  test.each([{ k: 0 }, { k: 1.5 }, { k: 101 }, { sentences: 0 }, { sentences: 51 }])(
    "%j is refused",
    async (options) => {
      const answer = async (): Promise<void> => {
        for await (const _ of memory.ask("tea", options));
      };
      await expect(answer()).rejects.toMatchObject({ code: "RANGE" });
    },
  );
});

describe("with a model", () => {
  test("its sentences go out with the passages that they cite", async () => {
    const { text, citations, done } = await says("The maximum size is 40 MB. [1]");
    expect(text).toBe("The maximum size is 40 MB. [1]");
    expect(citations).toMatchObject([{ number: 1, id: "uploads.md", quote: "The maximum size is 40 MB." }]);
    expect(done).toMatchObject({ answered: true, by: "model", notes: [] });
  });

  test("the library's own model answers, unless the question says otherwise", async () => {
    const model = new ScriptedModel("The maximum is 40 MB [1].");
    const own = await open(":memory:", { workers: 0, model });
    await own.add(documents);
    const by = async (options?: AskOptions): Promise<string | undefined> => {
      for await (const part of own.ask(QUESTION, options)) if (part.type === "done") return part.by;
      return undefined;
    };
    expect([await by(), await by({ model: false })]).toEqual(["model", "extraction"]);
    await own.close();
  });

  test("a citation of a passage that was not given is dropped", async () => {
    const { text, done } = await says("The maximum is 40 MB. [1] [7]");
    expect(text).toBe("The maximum is 40 MB. [1]");
    expect(done.notes).toEqual([expect.stringMatching(/citation \[7\] dropped: \d passages were given/)]);
  });

  test("a citation moves to the passage that says so, and comes where there was none", async () => {
    const moved = await says("The maximum size of an upload is 40 MB. [2]");
    expect(moved.citations).toMatchObject([{ id: "uploads.md" }]);
    expect(moved.done.notes).toEqual([expect.stringMatching(/citation \[2\] moved to \[1\]/)]);
    const bare = await says("The maximum size is 40 MB. A backup is written every 6 hours.");
    expect(bare.text).toBe("The maximum size is 40 MB. [1] A backup is written every 6 hours. [2]");
  });

  test.each([
    ["another number", "The maximum size of an upload is 50 MB. [1]"],
    ["other words", "Penguins eat krill all winter. [1]"],
    ["the question again", "What is the maximum size of an upload? [1]"],
    ["the question as a statement", "The maximum size of an upload. [1]"],
    ["a heading", "# Uploads of files sent in parts\n"],
  ])("%s is no answer: the library's own sentences are", async (_, said) => {
    const { text, done } = await says(said);
    expect(done).toMatchObject({ answered: true, by: "extraction" });
    expect(done.notes).toHaveLength(said.includes("50") || said.includes("Penguins") ? 2 : 1);
    expect(text).toContain("The maximum size of an upload is 40 MB. [1]");
  });

  test("what it says of its ignorance is not shown, but told", async () => {
    const { text, done } = await says("Not in the library.");
    expect(text).toContain("40 MB");
    expect(done).toMatchObject({ by: "extraction" });
    expect(done.notes).toEqual([expect.stringMatching(/found no answer in the passages/)]);
  });

  test("one that takes no instruction is held to the words of its passage", async () => {
    const bare = { system: "as the assistant's" } as const;
    const quoted = await says("The maximum size of an upload is 40 MB. [1]", bare);
    expect(quoted.done).toMatchObject({ by: "model", notes: [] });
    const links = await says("[![](Uploads)](files) = are sent in parts. [1]", bare);
    expect(links.done.notes).toEqual([expect.stringMatching(/list of links/)]);
    const altered = await says("The maximum size of larger files is 40 MB. [1]", bare);
    expect(altered.done).toMatchObject({ by: "extraction" });
    expect((await says("The maximum size of larger files is 40 MB. [1]")).done.by).toBe("model");
  });

  test("half a sentence at the end of its tokens is left out", async () => {
    const { text } = await says("The maximum size is 40 MB. [1] Larger files are ref", { finish: "length" });
    expect(text).toBe("The maximum size is 40 MB. [1]");
  });

  test("one that goes round in circles is stopped", async () => {
    const model = new ScriptedModel("The maximum size is 40 MB. [1] ".repeat(50));
    const { text } = await ask(QUESTION, { model });
    expect(text).toBe("The maximum size is 40 MB. [1]");
    expect(model.taken).toBeLessThan(40);
  });

  test("it is not asked what the library does not hold", async () => {
    const model = new ScriptedModel("Chablis. [1]");
    expect((await ask("Which wine goes with oysters?", { model })).done.answered).toBe(false);
    expect(model.heard).toEqual([]);
  });

  test("one that fails before it says anything leaves the answer to extraction", async () => {
    const failure = new MnemeError("INTERNAL", "the thread is lost");
    const { done } = await says("", { failure });
    expect(done).toMatchObject({ by: "extraction", notes: [expect.stringMatching(/thread is lost/)] });
    await expect(says("The maximum size is 40 MB. [1] More of it.", { failure })).rejects.toBe(failure);
    const cancelled = new MnemeError("CANCELLED", "stopped");
    await expect(says("", { failure: cancelled })).rejects.toBe(cancelled);
  });
});

describe("in a conversation", () => {
  const turn = (role: string, content: string) => ({ role, content });
  const before = [
    turn("user", QUESTION),
    turn("assistant", "The maximum size is 40 MB. [1]\n\n[1] uploads.md, line 1"),
  ];
  const chat = async (
    question: string,
    options: AskOptions = {},
    history: readonly ChatMessage[] = before,
  ) => {
    let text = "";
    const ids: string[] = [];
    for await (const part of memory.chat([...history, turn("user", question)], options)) {
      if (part.type === "done") return { text, ids, done: part };
      text += part.text;
      if (part.type === "citation") ids.push(part.citation.id);
    }
    throw new Error("no last part");
  };

  test("a question that leans on one before it is looked for with that", async () => {
    const { text, ids, done } = await chat("And how are they sent?", { sentences: 1 });
    expect([text, ids]).toEqual([expect.stringContaining("sent in parts"), ["uploads.md"]]);
    expect(done).toMatchObject({ answered: true, asked: `${QUESTION} And how are they sent?` });
    expect((await chat("And how are they sent?", { sentences: 1 }, [])).ids).toEqual(["billing.md"]);
  });

  test("one that stands alone is not", async () => {
    const { ids, done } = await chat("When are invoices sent?", { sentences: 1 });
    expect(ids).toEqual(["billing.md"]);
    expect(done).not.toHaveProperty("asked");
    expect((await chat(QUESTION, {}, [])).text).toBe((await ask(QUESTION)).text);
  });

  test("what was asked before does not stand in for what the library does not hold", async () => {
    const { done } = await chat("Which wine goes with it?");
    expect(done).toMatchObject({ answered: false, reason: expect.stringMatching(/lacks "wine"/) });
  });

  test("a model hears what was said, without the old citations", async () => {
    const model = new ScriptedModel("They are sent in parts. [1]");
    expect((await chat("And how are they sent?", { model })).done).toMatchObject({ by: "model" });
    const [system, asked, answered, last] = model.heard[0]!;
    expect([system!.role, asked, answered]).toEqual([
      "system",
      before[0],
      turn("assistant", "The maximum size is 40 MB."),
    ]);
    expect(last!.content).toMatch(/^\[1\] # Uploads[\s\S]*Question: And how are they sent\?$/);
  });

  test("one that takes no instruction, or has no room for it, is asked the whole question", async () => {
    const whole = `Question: ${QUESTION} And how are they sent?`;
    const long = [before[0]!, turn("assistant", "40 MB. ".repeat(300))];
    for (const [options, history] of [
      [{ system: "as the assistant's" }, before],
      [{}, long],
    ] as const) {
      const model = new ScriptedModel("Files are sent in parts. [1]", options);
      await chat("And how are they sent?", { model }, history);
      expect(model.heard[0]!.filter(({ role }) => role === "assistant")).toEqual([]);
      expect(model.heard[0]!.at(-1)!.content.endsWith(whole)).toBe(true);
    }
  });

  test("without a question it is refused", async () => {
    const empty = async (): Promise<void> => {
      for await (const _ of memory.chat([turn("assistant", "Hello")]));
    };
    await expect(empty()).rejects.toMatchObject({ code: "ARGUMENT" });
  });
});

describe("the prompt", () => {
  const heard = async (options: ScriptOptions) => {
    const model = new ScriptedModel("40 MB. [1]", options);
    const { done } = await ask(QUESTION, { model });
    return { messages: model.heard[0], done };
  };

  test("numbers the passages under their headings, the question last", async () => {
    const { messages } = await heard({});
    expect(messages!.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(messages![0]!.content).toMatch(/number of the passage.*Not in the library/s);
    expect(messages![1]!.content).toMatch(
      /^\[1\] # Uploads\nFiles are sent in parts\..*\n\n\[2\] # Backups\n.*\n\nQuestion: What is the maximum size of an upload\?$/s,
    );
  });

  test("puts the instruction where the template lets it stand", async () => {
    const refused = await heard({ system: "refused" });
    expect(refused.messages).toHaveLength(1);
    expect(refused.messages![0]!.content).toMatch(/^Answer the question.*\n\n\[1\] # Uploads/s);
    const bare = await heard({ system: "as the assistant's" });
    expect(bare.messages![0]!.content).toMatch(/^\[1\] # Uploads\n[^[]*\n\nQuestion: /s);
  });

  test("leaves passages out that find no room", async () => {
    const { messages } = await heard({ context: 640 });
    expect(messages![1]!.content).toContain("[1] # Uploads");
    expect(messages![1]!.content).not.toContain("[2]");
    const { done } = await heard({ context: 100 });
    expect(done).toMatchObject({
      by: "extraction",
      notes: [expect.stringMatching(/no passage fits into the model's context of 100/)],
    });
  });
});

describe("cited text", () => {
  const cut = (pieces: readonly string[]) => {
    const text = new CitedText();
    return [...pieces.flatMap((piece) => text.push(piece)), ...text.end()];
  };

  test.each([
    [
      "One. [1] Two [2]. Three",
      [
        ["One.", [1]],
        [" Two.", [2]],
        [" Three", []],
      ],
    ],
    ["Both [1][3], and [1, 2]. [4]", [["Both, and.", [1, 3, 2, 4]]]],
    [
      "Take args[0] or [a](b). See [1](x).",
      [
        ["Take args[0] or [a](b).", []],
        [" See [1](x).", []],
      ],
    ],
    [
      "3.5 MB, e.g. here. [12]\n\nNext.",
      [
        ["3.5 MB, e.g. here.", [12]],
        ["\n\nNext.", []],
      ],
    ],
  ] as const)("%j", (text, wanted) => {
    expect(cut([text]).map((one) => [one.text, one.cited])).toEqual(wanted);
  });

  test("is cut alike however it comes", () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("A b. ", "[1]", " [2]", "C", "? ", "\n\n", "[", "3", "] ", "x[0] "), {
          maxLength: 14,
        }),
        (pieces) => {
          const whole = cut([pieces.join("")]);
          const bits = cut([...pieces.join("")]);
          expect(bits.map(({ text }) => text).join("")).toBe(whole.map(({ text }) => text).join(""));
          expect(bits.flatMap(({ cited }) => cited)).toEqual(whole.flatMap(({ cited }) => cited));
        },
      ),
      { seed: 5, numRuns: 300 },
    ));
});

const lm = fileURLToPath(new URL("../../../shared/models/mneme-lm", import.meta.url));
test.skipIf(!existsSync(join(lm, "config.json")))("mneme-lm answers from the library", async () => {
  const { load } = await import("../model/load.ts");
  await using model = await load(lm);
  const { text, citations, done } = await ask(QUESTION, { model });
  expect(text).toMatch(/40 MB\. \[1\]/);
  expect(citations[0]).toMatchObject({ id: "uploads.md" });
  expect(done).toMatchObject({ answered: true, by: "model" });
});
