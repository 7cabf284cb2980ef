/**
 * The package of an EPUB: which documents it has, in the order of reading, and what its table of contents calls them.
 * EPUB 3.3 (W3C, 2023) and, for older books, OPF 2.0.1 with NCX.
 */
import { MnemeError } from "../../../errors.ts";
import { decodeText } from "../decode-text.ts";
import { type XmlElement, xmlElements } from "./xml-elements.ts";
import type { ZipArchive } from "./zip-archive.ts";

export interface EpubPackage {
  readonly title: string;
  readonly authors: readonly string[];
  /** Paths of its documents in the archive, in the order of reading. */
  readonly documents: readonly string[];
  /** What the table of contents calls a document: its first line that leads there. */
  readonly labels: ReadonlyMap<string, string>;
}

const CONTAINER = "META-INF/container.xml";
const ENCRYPTION = "META-INF/encryption.xml";
const XHTML = "application/xhtml+xml";
const NCX = "application/x-dtbncx+xml";
/** Fonts may be obfuscated by these: that protects no text. */
const OBFUSCATIONS = new Set(["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"]);

/** @throws MnemeError FORMAT naming what is missing, or that the text is encrypted */
export async function readPackage(archive: ZipArchive, name: string): Promise<EpubPackage> {
  const container = await elementsAt(archive, CONTAINER);
  const root = container.find((one) => one.name === "rootfile" && one.attributes["full-path"]);
  if (!root) throw new MnemeError("FORMAT", `${name}: its ${CONTAINER} names no package`);
  const path = root.attributes["full-path"]!;
  const elements = await elementsAt(archive, path);
  const manifest = new Map<string, XmlElement>();
  for (const one of elements) if (one.name === "item") manifest.set(one.attributes.id ?? "", one);
  const documents = spineOf(elements, manifest, path, name);
  await refuseEncrypted(archive, new Set(documents), name);
  const textsOf = (wanted: string): string[] =>
    elements.filter((one) => one.name === wanted && one.text !== "").map(({ text }) => text);
  return {
    title: textsOf("title")[0] ?? "",
    authors: textsOf("creator"),
    documents,
    labels: await labelsOf(archive, manifest, path),
  };
}

async function elementsAt(archive: ZipArchive, path: string): Promise<XmlElement[]> {
  return xmlElements(decodeText(await archive.read(path), path).text);
}

function spineOf(
  elements: readonly XmlElement[],
  manifest: ReadonlyMap<string, XmlElement>,
  path: string,
  name: string,
): string[] {
  const documents: string[] = [];
  for (const { attributes } of elements.filter((one) => one.name === "itemref")) {
    const item = manifest.get(attributes.idref ?? "");
    if (!item)
      throw new MnemeError("FORMAT", `${name}: its spine names ${JSON.stringify(attributes.idref)}, no item`);
    const { "media-type": mediaType, href = "" } = item.attributes;
    const place = placeOf(href, path);
    // pictures may stand in the spine too, and what is elsewhere is not in the book
    if (mediaType === XHTML && place && !documents.includes(place)) documents.push(place);
  }
  if (documents.length === 0)
    throw new MnemeError("FORMAT", `${name}: its spine has no document (a book of pictures, or damaged)`);
  return documents;
}

/** The path in the archive that a reference in the file at `from` means; undefined for one outside. */
function placeOf(href: string, from: string): string | undefined {
  const base = new URL(encodeURI(from), "http://archive/");
  const url = URL.canParse(href, base) ? new URL(href, base) : undefined;
  return url?.origin === base.origin ? decoded(url.pathname.slice(1)) : undefined;
}

/** A path with a % that escapes nothing is taken as it stands. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function refuseEncrypted(
  archive: ZipArchive,
  documents: ReadonlySet<string>,
  name: string,
): Promise<void> {
  if (!archive.has(ENCRYPTION)) return;
  let algorithm = "";
  for (const { name: element, attributes } of await elementsAt(archive, ENCRYPTION)) {
    if (element === "EncryptedData") algorithm = "";
    if (element === "EncryptionMethod") algorithm ||= attributes.Algorithm ?? "";
    if (element !== "CipherReference" || OBFUSCATIONS.has(algorithm)) continue;
    if (documents.has(placeOf(attributes.URI ?? "", "") ?? ""))
      throw new MnemeError("FORMAT", `${name}: its text is encrypted (protected against copying)`);
  }
}

/** From the navigation document of EPUB 3, else the NCX of EPUB 2; a book without either, or with a broken one, has no labels. */
async function labelsOf(
  archive: ZipArchive,
  manifest: ReadonlyMap<string, XmlElement>,
  path: string,
): Promise<Map<string, string>> {
  const labels = new Map<string, string>();
  const items = [...manifest.values()].map(({ attributes }) => attributes);
  const table =
    items.find(({ properties }) => properties?.split(/\s+/).includes("nav")) ??
    items.find((item) => item["media-type"] === NCX);
  const at = table?.href === undefined ? undefined : placeOf(table.href, path);
  if (at === undefined || !archive.has(at)) return labels;
  let label = "";
  for (const { name, attributes, text } of await elementsAt(archive, at)) {
    if (name === "text" || name === "a") label = text;
    const href = name === "a" ? attributes.href : name === "content" ? attributes.src : undefined;
    const place = href === undefined ? undefined : placeOf(href, at);
    if (place && label !== "" && !labels.has(place)) labels.set(place, label);
  }
  return labels;
}
