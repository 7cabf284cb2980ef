import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { open } from "../index.ts";

const root = mkdtempSync(join(tmpdir(), "mneme-add-file-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
/** More text than goes through the log. */
const book = (word: string): string =>
  Array.from({ length: 3000 }, (_, i) => `<p>Paragraph ${i} of the book tells of ${word}.</p>`).join("\n");

describe.each([0, 1])("addFile with %i workers", (workers) => {
  test("adds small and large documents under their name, equal ones for nothing", async () => {
    await using memory = await open(":memory:", { workers });
    const small = await memory.addFile("notes/tea.md", encode("# Tea\n\nGreen tea at eighty degrees."));
    expect(small).toMatchObject({ added: 1, passages: 1, skipped: [] });
    expect(await memory.get("notes/tea.md")).toMatchObject({
      title: "Tea",
      provenance: { mediaType: "text/markdown" },
    });
    const html = encode(book("whales"));
    expect(await memory.addFile("book.html", html)).toMatchObject({ added: 1, updated: 0 });
    expect(await memory.addFile("book.html", html)).toMatchObject({ added: 0, unchanged: 1 });
    expect(await memory.addFile("book.html", encode(book("otters")))).toMatchObject({ updated: 1 });
    expect((await memory.search("whales", { retriever: "words" })).hits).toEqual([]);
    expect((await memory.search("otters")).hits[0]).toMatchObject({ id: "book.html" });
    expect(await memory.get("book.html")).toMatchObject({ version: 2 });
  });

  test("takes an id and metadata, and the bytes when they are given away", async () => {
    await using memory = await open(":memory:", { workers });
    const bytes = encode("A plain text.");
    await memory.addFile("a.txt", bytes, { id: "own", meta: { year: 2021 }, give: true });
    expect(await memory.get("own")).toMatchObject({ meta: { year: 2021 }, text: "A plain text." });
    expect(bytes.byteLength).toBe(workers === 0 ? 13 : 0);
  });

  test("says what it cannot read, and skips what holds no text", async () => {
    await using memory = await open(":memory:", { workers });
    await expect(memory.addFile("a.xyz", encode("x"))).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(memory.addFile("a.pdf", encode("%PDF-1.4 nothing"))).rejects.toMatchObject({
      code: "FORMAT",
    });
    await expect(memory.addFile("a.txt", encode("x"), { id: "" })).rejects.toMatchObject({
      code: "ARGUMENT",
    });
    expect(await memory.addFile("a.txt", encode(" \n "))).toMatchObject({
      added: 0,
      skipped: [{ code: "EMPTY" }],
    });
    expect(memory.info().items).toBe(0);
  });
});

const goesOn = "searches, uploads and single adds go on while a folder is indexed and while it compacts";

test(goesOn, { timeout: 60_000 }, async () => {
  const folder = join(root, "folder");
  mkdirSync(folder);
  for (let i = 0; i < 40; i++)
    writeFileSync(join(folder, `${i}.md`), `# Part ${i}\n\n${book(`topic${i}`).slice(0, 30_000)}`);
  await using memory = await open(join(root, "busy"), { workers: 2, undoWindow: 0 });
  await memory.add({ id: "first", text: "The quagga was here first." });
  let indexed = false;
  const work = memory.index(folder).then((result) => {
    indexed = true;
    return result;
  });
  for (let i = 0; !indexed || i < 5; i++) {
    await memory.add({ id: `one${i}`, text: `Single note ${i} about zebras.` });
    await memory.addFile(`book${i}.html`, encode(book(`giraffes${i}`)));
    const { hits } = await memory.search(`giraffes${i}`, { retriever: "words" });
    expect(hits[0]).toMatchObject({ id: `book${i}.html` });
    expect((await memory.search("quagga", { retriever: "words" })).hits[0]).toMatchObject({ id: "first" });
  }
  expect(await work).toMatchObject({ added: 40 });
  await memory.forget({ ids: Array.from({ length: 20 }, (_, i) => `folder/${i}.md`) });
  let compacted = false;
  const compacting = memory.compact().then(() => {
    compacted = true;
  });
  while (!compacted) {
    expect((await memory.search("topic30", { retriever: "words" })).hits[0]).toMatchObject({
      id: "folder/30.md",
    });
    await memory.add({ id: "late", text: "A late note of rhinos." });
    await new Promise((resolve) => setImmediate(resolve)); // reads are synchronous: nothing else would get its turn
  }
  await compacting;
  expect((await memory.search("rhinos", { retriever: "words" })).hits[0]).toMatchObject({ id: "late" });
  await memory.idle();
});
