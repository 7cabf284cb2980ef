/** Dimensions that are known without reading: a field of the metadata, and what sort of document it is. */
import type { Extractor } from "./extractor.ts";

/** A dimension filled by a field of the items' metadata. @param field default: named as the dimension */
export function field(dimension: string, field: string = dimension): Extractor {
  return {
    dimensions: [dimension],
    id: `field ${dimension} ${field}`,
    extract(_text, { meta = {} } = {}) {
      const value = Object.hasOwn(meta, field) ? meta[field] : undefined;
      const values = Array.isArray(value) ? value : [value];
      const labels = values.filter((one) => one !== undefined && one !== null).map(String);
      return { [dimension]: Object.fromEntries(labels.map((label) => [label, 1])) };
    },
  };
}

const TYPES: Readonly<Record<string, string>> = {
  pdf: "PDF",
  html: "web page",
  htm: "web page",
  md: "Markdown",
  markdown: "Markdown",
  txt: "text",
  plain: "text",
  docx: "document",
  odt: "document",
  epub: "book",
  "epub+zip": "book",
  csv: "table",
  tsv: "table",
  json: "data",
  xml: "data",
  yaml: "data",
  yml: "data",
};

/** The sort of document: its field `type`, else what its ending or media type says. */
export function types(dimension = "type"): Extractor {
  return {
    dimensions: [dimension],
    extract(_text, { meta = {}, mediaType = "" } = {}) {
      if (typeof meta.type === "string" && meta.type !== "") return { [dimension]: { [meta.type]: 1 } };
      const ending = /\.([A-Za-z0-9]+)$/.exec(String(meta.path ?? meta.name ?? ""))?.[1];
      const kind = (ending ?? mediaType.split("/").at(-1) ?? "").toLowerCase();
      if (kind === "") return { [dimension]: {} };
      return { [dimension]: { [Object.hasOwn(TYPES, kind) ? TYPES[kind]! : kind]: 1 } };
    },
  };
}
