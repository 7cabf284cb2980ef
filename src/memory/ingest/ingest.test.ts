import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { readFileItem } from "../writer/read-file.ts";
import { chunk, chunkDefaults } from "./chunk.ts";
import { decodeText } from "./decode-text.ts";
import { readerFor } from "./readers/registry.ts";
import { sentences } from "./sentences.ts";
import { walk } from "./walk.ts";

describe("chunk", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "# Heading\n",
      "## Sub\n\n",
      "\n\n",
      "```\ncode # not a heading\n```\n",
      "word ",
      "A sentence. ",
      "日本語の文。",
      "\ud800",
      "🙂",
      "x".repeat(700),
      "\t",
      "\r\n",
    ),
    fc.string({ unit: "binary", maxLength: 30 }),
  );
  const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(""));

  test("covers all text in order, without overlap, within bounds", () => {
    fc.assert(
      fc.property(text, (source) => {
        const chunks = chunk(source);
        let at = 0;
        for (const { start, end, line } of chunks) {
          expect(source.slice(at, start).trim()).toBe("");
          expect(start).toBeLessThan(end);
          expect(end - start).toBeLessThanOrEqual(chunkDefaults.max + chunkDefaults.target);
          expect(line).toBe(source.slice(0, start).split("\n").length);
          expect(
            /^[\udc00-\udfff]/.test(source.slice(start, end)) &&
              /[\ud800-\udbff]$/.test(source.slice(0, start)),
          ).toBe(false);
          at = end;
        }
        expect(source.slice(at).trim()).toBe("");
      }),
      { seed: 4, numRuns: 400 },
    );
  });

  test("follows headings and gives their path", () => {
    const body = "Some words about it. ".repeat(40);
    const chunks = chunk(`# Top\n\n${body}\n\n## Inner\n\n${body}\n\n# Next\n\n${body}`);
    expect(chunks.map(({ headings }) => headings.join(" > "))).toEqual(["Top", "Top > Inner", "Next"]);
    expect(chunks[1]!.line).toBe(5);
  });

  test("a long single line takes linear time and stays whole", () => {
    const line = "lorem ipsum dolor ".repeat(120_000);
    const chunks = chunk(line);
    expect(chunks.length).toBeGreaterThan(1000);
    expect(chunks.reduce((sum, { start, end }) => sum + end - start, 0)).toBeGreaterThan(line.length * 0.97);
  });
});

test("sentences end where they end", () => {
  const cut = (text: string): string[] => sentences(text).map(([start, end]) => text.slice(start, end));
  expect(cut("It costs 3.50 euros, e.g. today. Is it? Yes! Dr. No said so.")).toEqual([
    "It costs 3.50 euros, e.g. today.",
    "Is it?",
    "Yes!",
    "Dr. No said so.",
  ]);
  expect(cut("图书馆很大。它有很多书！")).toEqual(["图书馆很大。", "它有很多书！"]);
  expect(cut("  \n\n ")).toEqual([]);
});

test("text in any dress, and data refused", () => {
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  expect(decodeText(new TextEncoder().encode("grün 图"), "a")).toEqual({
    text: "grün 图",
    encoding: "utf-8",
  });
  expect(decodeText(bytes(0xff, 0xfe, 0x41, 0x00), "a")).toEqual({ text: "A", encoding: "utf-16le" });
  expect(decodeText(bytes(0x67, 0x72, 0xfc, 0x6e), "a")).toEqual({ text: "grün", encoding: "windows-1252" });
  expect(() => decodeText(bytes(1, 2, 0, 4), "photo.txt")).toThrow(/photo.txt: data, not text/);
});

describe("readers", () => {
  const read = (
    name: string,
    source: string | Uint8Array,
  ): ReturnType<NonNullable<ReturnType<typeof readerFor>>["read"]> =>
    readerFor(name)!.read(typeof source === "string" ? new TextEncoder().encode(source) : source, name);

  test("html: headings and text, nothing that is not shown", async () => {
    const { title, text, blocks } = await read(
      "a.html",
      "<html><head><title>T &amp; U</title><style>x{}</style></head><body><nav>menu</nav><h1>One</h1><p>Hello <b>world</b></p><ul><li>a<li>b</ul><pre>x\n  y</pre><script>no()</script></body></html>",
    );
    expect(title).toBe("T & U");
    expect(text).toMatch(/^One\n\nHello world\n\na\nb/);
    expect(text).toContain("x\n  y");
    expect(text).not.toMatch(/menu|no\(\)|x\{/);
    expect(blocks).toMatchObject([{ kind: "heading", level: 1, text: "One" }]);
  });

  test.each([
    ["[]", []],
    ["[a, b c]", ["a", "b c"]],
    ["[ , a,]", ["a"]],
    [`["one, two", 'three', it's]`, ["one, two", "three", "it's"]],
  ])("markdown: a list of front matter, %s", async (list, tags) => {
    const { meta } = await read("a.md", `---\ntags: ${list}\n---\n# One\n`);
    expect(meta).toEqual({ tags });
  });

  test("json and json lines", async () => {
    expect((await read("a.json", '{"title":"T","a":{"b":["x","y"]}}')).text).toBe(
      "title: T\na.b: x\na.b: y\n\n",
    );
    const lines = await read("a.jsonl", '{"title":"One","text":"first"}\n\n{"text":"second"}\n');
    expect(lines.blocks?.map(({ text }) => text)).toEqual(["One", "Record 2"]);
    const deep = await read("deep.jsonl", `{"a":${"[".repeat(5000)}"x"${"]".repeat(5000)}}\n{"b":1}\n`);
    expect(deep.text).toContain("a: x\n");
    await expect(read("bad.jsonl", "{}\n{nope\n")).rejects.toThrow(/bad.jsonl:2/);
  });

  test("code: declarations are headings", async () => {
    const { blocks } = await read(
      "a.ts",
      "import x from 'y';\n\nexport async function load(): void {}\n\nclass Tree {}\n",
    );
    expect(blocks?.map(({ text }) => text)).toEqual(["load", "Tree"]);
  });

  test("pdf: text by page", async () => {
    const { text, blocks } = await read("a.pdf", tinyPdf("Hello from a small page"));
    expect(text).toContain("Hello from a small page");
    expect(blocks).toMatchObject([{ kind: "page", page: 1 }]);
    await expect(read("broken.pdf", "%PDF-1.4 nothing")).rejects.toMatchObject({ code: "FORMAT" });
    await expect(read("broken.docx", "PK nothing")).rejects.toMatchObject({ code: "FORMAT" });
  });

  test("what no reader knows is none", () => {
    expect(readerFor("a.exe")).toBeUndefined();
    expect(readerFor("LICENSE")).toBeDefined();
    expect(readerFor(".hidden")).toBeUndefined();
  });
});

async function walked(root: string): Promise<string[]> {
  const found = [];
  for await (const one of walk(root, {}))
    found.push("reason" in one ? `${one.id}: ${one.code}` : one.relative);
  return found;
}

/** Goes when its test has ended. */
function newFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("walking: what lies in the folder is read under its own name, links add what is not there yet", async () => {
  const top = newFolder("mneme-links-");
  const root = join(top, "root");
  for (const folder of ["root/z/deep", "root/.hidden", "root/node_modules", "outside/more"])
    mkdirSync(join(top, folder), { recursive: true });
  for (const file of [
    "root/z/deep/own.md",
    "root/z.md",
    "root/.hidden/x.md",
    "root/node_modules/y.md",
    "outside/o.md",
  ])
    writeFileSync(join(top, file), "text");
  const link = (name: string, target: string): void => symlinkSync(join(top, target), join(root, name));
  link("a", "root/z"); // sorts before its target
  link("a.md", "root/z.md");
  link("b.md", "root/.hidden/x.md"); // not read in its own place
  link("c.md", "root/node_modules/y.md");
  link("d.md", "outside/o.md");
  link("e", "outside"); // o.md stands in it too
  link("f.bin", "outside/o.md");
  link("z/deep/back", "root");
  symlinkSync(join(root, "m2.md"), join(root, "m1.md"));
  symlinkSync(join(root, "m1.md"), join(root, "m2.md"));
  expect(await walked(root)).toEqual([
    "z/deep/own.md",
    "z.md",
    "a: EXCLUDED",
    "a.md: EXCLUDED",
    "b.md",
    "c.md",
    "d.md",
    "e/o.md",
    "m1.md: EXCLUDED",
    "m2.md: EXCLUDED",
    "z/deep/back: EXCLUDED",
  ]);
});

test("walking: fixed order, ignore file, hidden and tool folders left out, links once", async () => {
  const root = newFolder("mneme-walk-");
  for (const folder of ["b", "a", ".git", "node_modules", "drafts"]) mkdirSync(join(root, folder));
  for (const file of [
    "b/two.md",
    "a/one.md",
    ".git/x.md",
    "node_modules/x.md",
    "drafts/x.md",
    "a/skip.bin",
    "top.txt",
  ])
    writeFileSync(join(root, file), "text");
  writeFileSync(join(root, ".mnemeignore"), "# not yet\ndrafts/\n");
  symlinkSync(join(root, "a"), join(root, "b", "link"));
  expect(await walked(root)).toEqual(["a/one.md", "b/two.md", "top.txt", "b/link: EXCLUDED"]);
  const job = {
    path: join(root, "gone.md"),
    id: "gone",
    relative: "gone.md",
    meta: {},
    bytes: 4,
    modifiedAt: 1,
  };
  await expect(readFileItem(job)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

/** One page with one line, offsets computed. */
function tinyPdf(line: string): Uint8Array {
  const stream = `BT /F1 12 Tf 20 100 Td (${line}) Tj ET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let body = "%PDF-1.4\n";
  const offsets = objects.map((object, i) => {
    const at = body.length;
    body += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const table = offsets.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("");
  return new TextEncoder().encode(
    `${body}xref\n0 6\n0000000000 65535 f \n${table}trailer << /Size 6 /Root 1 0 R >>\nstartxref\n${body.length}\n%%EOF`,
  );
}
