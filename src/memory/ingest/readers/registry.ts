/** Which reader takes which file, by extension. */

import { decodeText } from "../decode-text.ts";
import type { Parsed } from "../parsed.ts";
import { readCode } from "./code.ts";
import { readCsv } from "./csv.ts";
import { readJson, readJsonLines } from "./json.ts";
import { readMarkdown } from "./markdown.ts";

export interface Reader {
  readonly mediaType: string;
  /** Name of a programming language, for its files. */
  readonly language?: string;
  /** Whether it reads text, in whatever encoding. */
  readonly isText?: boolean;
  /** @throws MnemeError UNREADABLE, FORMAT naming the file. */
  read(bytes: Uint8Array, name: string): Promise<Parsed> | Parsed;
}

const text = (
  read: (source: string, name: string) => Parsed | Promise<Parsed>,
  mediaType: string,
  language?: string,
): Reader => ({
  mediaType,
  isText: true,
  ...(language ? { language } : {}),
  read: async (bytes, name) => {
    const { text: source, encoding } = decodeText(bytes, name);
    const parsed = await read(source, name);
    return encoding === "utf-8" ? parsed : { ...parsed, meta: { ...parsed.meta, encoding } };
  },
});

export const plainText: Reader = text((source) => ({ title: "", text: source, blocks: [] }), "text/plain");
const markdown = text(readMarkdown, "text/markdown");
const html = text(async (source) => (await import("./html.ts")).readHtml(source), "text/html");
const pdf: Reader = {
  mediaType: "application/pdf",
  read: async (bytes, name) => (await import("./pdf.ts")).readPdf(bytes, name),
};
const docx: Reader = {
  mediaType: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  read: async (bytes, name) => (await import("./docx.ts")).readDocx(bytes, name),
};
const epub: Reader = {
  mediaType: "application/epub+zip",
  read: async (bytes, name) => (await import("./epub.ts")).readEpub(bytes, name),
};

const LANGUAGES: Readonly<Record<string, readonly string[]>> = {
  TypeScript: ["ts", "tsx", "mts", "cts"],
  JavaScript: ["js", "jsx", "mjs", "cjs"],
  Python: ["py"],
  Rust: ["rs"],
  Go: ["go"],
  Java: ["java"],
  Kotlin: ["kt"],
  C: ["c", "h"],
  "C++": ["cc", "cpp", "cxx", "hpp", "hh"],
  "C#": ["cs"],
  Ruby: ["rb"],
  PHP: ["php"],
  Swift: ["swift"],
  Scala: ["scala"],
  Shell: ["sh", "bash", "zsh"],
  SQL: ["sql"],
  CSS: ["css", "scss"],
  YAML: ["yaml", "yml"],
  TOML: ["toml"],
  Lua: ["lua"],
  R: ["r"],
  Haskell: ["hs"],
  Zig: ["zig"],
  Perl: ["pl", "pm"],
  Dart: ["dart"],
  Elixir: ["ex", "exs"],
  Erlang: ["erl"],
  Clojure: ["clj"],
  OCaml: ["ml", "mli"],
  Julia: ["jl"],
  PowerShell: ["ps1"],
  Vue: ["vue"],
  Svelte: ["svelte"],
  GraphQL: ["graphql", "gql"],
  "Protocol Buffers": ["proto"],
  HCL: ["tf", "hcl"],
  CMake: ["cmake"],
  INI: ["ini", "cfg", "conf"],
};

const readers = new Map<string, Reader>([
  ...["md", "markdown", "mdx", "mdown"].map((extension) => [extension, markdown] as const),
  ...["txt", "text", "rst", "adoc", "org", "tex", "log", "srt", "vtt"].map(
    (extension) => [extension, plainText] as const,
  ),
  ...["html", "htm", "xhtml"].map((extension) => [extension, html] as const),
  ["pdf", pdf],
  ["docx", docx],
  ["epub", epub],
  ["csv", text((source) => readCsv(source), "text/csv")],
  ["tsv", text((source) => readCsv(source, "\t"), "text/tab-separated-values")],
  ["json", text(readJson, "application/json")],
  ...["jsonl", "ndjson"].map(
    (extension) => [extension, text(readJsonLines, "application/x-ndjson")] as const,
  ),
  ...Object.entries(LANGUAGES).flatMap(([language, extensions]) =>
    extensions.map((extension) => [extension, text(readCode, "text/x-source", language)] as const),
  ),
]);

/** Lower-case extension without its dot; "" when there is none. */
export function extensionOf(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  const dot = base.lastIndexOf(".");
  return dot > 0 ? base.slice(dot + 1).toLowerCase() : "";
}

/** The reader of a file name, or undefined when none knows it. Files named README or LICENSE are text. */
export function readerFor(name: string): Reader | undefined {
  const extension = extensionOf(name);
  if (extension) return readers.get(extension);
  return /(^|[/\\])(readme|license|licence|changelog|notice|authors|copying)$/i.test(name)
    ? plainText
    : undefined;
}
