/** EPUB: every document once, in the order of the spine, under its title; what is no whole, open book is refused by name. */
import fc from "fast-check";
import JSZip from "jszip";
import { describe, expect, test } from "vitest";
import type { Block, Parsed } from "../parsed.ts";
import { readerFor } from "./registry.ts";
import { ZipArchive } from "./zip-archive.ts";

interface Chapter {
  readonly path: string;
  readonly body: string;
  /** Of the document. */
  readonly title?: string;
  /** In the table of contents. */
  readonly label?: string;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

const CONTAINER =
  '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>';

function xhtml({ title, body }: Chapter): string {
  const head = title === undefined ? "<title/>" : `<title>${escaped(title)}</title>`;
  return `<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head>${head}<script src="x.js"/></head><body>${body}</body></html>`;
}

function opf(chapters: readonly Chapter[], table: string, extra = ""): string {
  const items = chapters.map(
    ({ path }, i) =>
      `<item id="c${i}" href="${escaped(encodeURI(path))}" media-type="application/xhtml+xml"/>`,
  );
  const refs = chapters.map((_, i) => `<itemref idref="c${i}"/>`);
  return `<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Book &amp; more</dc:title><dc:creator>Ada</dc:creator></metadata><manifest>${table}${items.reverse().join("")}</manifest><spine>${extra}${refs.join("")}</spine></package>`;
}

const NAV_ITEM = '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>';
const NCX_ITEM = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>';

function nav(chapters: readonly Chapter[]): string {
  const lines = chapters.map(({ path, label }) =>
    label === undefined
      ? ""
      : `<li><a href="${escaped(encodeURI(path))}#top"><i>${escaped(label)}</i></a></li>`,
  );
  return `<html xmlns:epub="http://www.idpf.org/2007/ops"><body><nav epub:type="toc"><ol>${lines.join("")}</ol></nav></body></html>`;
}

function ncx(chapters: readonly Chapter[]): string {
  const points = chapters.map(({ path, label }) =>
    label === undefined
      ? ""
      : `<navPoint><navLabel><text>${escaped(label)}</text></navLabel><content src="${escaped(encodeURI(path))}"/></navPoint>`,
  );
  return `<?xml version="1.0"?><ncx><navMap>${points.join("")}</navMap></ncx>`;
}

async function zipped(files: Readonly<Record<string, string | Uint8Array>>): Promise<Uint8Array> {
  const zip = new JSZip();
  for (const [path, content] of Object.entries(files)) zip.file(path, content);
  return zip.generateAsync({ type: "uint8array", compression: "DEFLATE" });
}

function filesOf(chapters: readonly Chapter[], table: "nav" | "ncx"): Record<string, string> {
  return {
    mimetype: "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OPS/book.opf": opf(chapters, table === "nav" ? NAV_ITEM : NCX_ITEM),
    ...(table === "nav" ? { "OPS/nav.xhtml": nav(chapters) } : { "OPS/toc.ncx": ncx(chapters) }),
    ...Object.fromEntries(chapters.map((chapter) => [`OPS/${chapter.path}`, xhtml(chapter)])),
  };
}

const read = async (bytes: Uint8Array): Promise<Parsed> => readerFor("a.epub")!.read(bytes, "a.epub");

const headings = ({ text, blocks = [] }: Parsed): string[] =>
  blocks.map(({ start, end, text: heading }: Block) => {
    expect(text.slice(start, end).trim()).toBe(heading);
    return heading!;
  });

describe("epub", () => {
  test.each(["nav", "ncx"] as const)("spine order, titles and entities, contents by %s", async (table) => {
    const parsed = await read(
      await zipped(
        filesOf(
          [
            { path: "a b/zwei.xhtml", body: "<p>First&nbsp;&mdash; words.</p>", label: "One & only" },
            { path: "eins.xhtml", body: "<h2>Own heading</h2><p>Second words.</p>", label: "Not this" },
            { path: "x.xhtml", body: "<svg><title>picture</title></svg><p>Third</p>", title: "Its title" },
            { path: "y.xhtml", body: "<p>Fourth</p>", title: "The Book & more" },
            { path: "blank.xhtml", body: "<img src='p.png'/>", title: "Picture" },
          ],
          table,
        ),
      ),
    );
    expect(parsed).toMatchObject({ title: "The Book & more", meta: { author: "Ada" } });
    expect(parsed.text.replaceAll("\u00a0", " ")).toBe(
      "One & only\n\nFirst — words.\n\nOwn heading\n\nSecond words.\n\nIts title\n\nThird\n\nFourth",
    );
    expect(headings(parsed)).toEqual(["One & only", "Own heading", "Its title"]);
  });

  test("any chapters come once each, in their order, under what they are called", async () => {
    const word = fc.stringMatching(/^[a-zß-öЀ-п&<"]{1,12}$/);
    const chapter = fc.record(
      { body: fc.array(word, { maxLength: 4 }), title: word, label: word, heading: word },
      { requiredKeys: ["body"] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(chapter, { minLength: 1, maxLength: 5 }),
        fc.constantFrom("nav" as const, "ncx" as const),
        async (made, table) => {
          const chapters = made.map(({ body, title, label, heading }, i): Chapter => {
            const top = heading === undefined ? "" : `<h1>${escaped(heading)}</h1>`;
            const lines = body.map((line) => `<p>${escaped(line)}</p>`).join("");
            return {
              path: `${9 - i}/ü ${i}.xhtml`,
              body: top + lines,
              ...(title === undefined ? {} : { title }),
              ...(label === undefined ? {} : { label }),
            };
          });
          const parsed = await read(await zipped(filesOf(chapters, table)));
          const expected = made.flatMap(({ body, title, label, heading }) => {
            if (heading === undefined && body.length === 0) return [];
            const name = heading ?? label ?? title;
            return [...(name === undefined ? [] : [name]), ...body];
          });
          expect(parsed.text).toBe(expected.join("\n\n"));
          const called = made.flatMap(({ body, title, label, heading }) =>
            heading !== undefined || body.length > 0 ? (heading ?? label ?? title ?? []) : [],
          );
          expect(headings(parsed)).toEqual(called);
        },
      ),
      { seed: 11, numRuns: 60 },
    );
  });

  const chapters = [{ path: "one.xhtml", body: "<p>Words</p>" }];
  const encryption = (algorithm: string, uri: string): string =>
    `<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><enc:EncryptedData xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptionMethod Algorithm="${algorithm}"/><enc:CipherData><enc:CipherReference URI="${uri}"/></enc:CipherData></enc:EncryptedData></encryption>`;
  const AES = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";
  const OBFUSCATED = "http://www.idpf.org/2008/embedding";

  test.each([
    ["a protected book", { "META-INF/encryption.xml": encryption(AES, "OPS/one.xhtml") }, /encrypted/],
    ["no container", { "META-INF/container.xml": undefined }, /META-INF\/container.xml is missing/],
    ["a container of nothing", { "META-INF/container.xml": "<container/>" }, /names no package/],
    ["no package", { "OPS/book.opf": undefined }, /OPS\/book.opf is missing/],
    ["a lost chapter", { "OPS/one.xhtml": undefined }, /OPS\/one.xhtml is missing/],
    ["an empty spine", { "OPS/book.opf": opf([], "") }, /spine has no document/],
    ["a spine astray", { "OPS/book.opf": opf([], "", '<itemref idref="ch9"/>') }, /spine names "ch9"/],
    ["a chapter of noise", { "OPS/one.xhtml": new Uint8Array(99) }, /a.epub: an EPUB that cannot be read/],
  ] as const)("%s is refused", async (_, change, message) => {
    const files = { ...filesOf(chapters, "nav"), ...change };
    const there = Object.fromEntries(Object.entries(files).filter(([, content]) => content !== undefined));
    const work = read(await zipped(there as Record<string, string>));
    await expect(work).rejects.toMatchObject({ code: "FORMAT", message: expect.stringMatching(message) });
    await expect(work).rejects.toThrow(/^a\.epub: /);
  });

  test("obfuscated fonts protect no text; a broken table of contents only costs titles", async () => {
    const fonts = { "META-INF/encryption.xml": encryption(OBFUSCATED, "OPS/one.xhtml") };
    const files = { ...filesOf(chapters, "nav"), ...fonts, "OPS/nav.xhtml": "<nav><a href='%%'>x" };
    expect((await read(await zipped(files))).text).toBe("Words");
  });

  test("whatever is damaged in its bytes is refused, or read as it was", async () => {
    const whole = await zipped(filesOf(chapters, "nav"));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, bits) => {
        const damaged = whole.slice();
        damaged[at]! ^= bits;
        const outcome = await read(damaged).then(
          ({ text }) => text,
          (error: { code: string }) => error.code,
        );
        expect(["Words", "FORMAT"]).toContain(outcome);
      }),
      { seed: 5, numRuns: 150 },
    );
    await expect(read(new TextEncoder().encode("no archive"))).rejects.toMatchObject({ code: "FORMAT" });
  });

  test("an archive that inflates beyond the bound is given up", async () => {
    const bytes = await zipped({ a: "x".repeat(600_000), b: "y".repeat(600_000) });
    const archive = await ZipArchive.open(bytes, "bomb.epub", 1_000_000);
    expect(await archive.read("a")).toHaveLength(600_000);
    await expect(archive.read("b")).rejects.toMatchObject({
      code: "FORMAT",
      message: "bomb.epub: holds more than 1000000 bytes of text",
    });
  });
});
