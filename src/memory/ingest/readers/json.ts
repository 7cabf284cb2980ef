/** JSON and JSON lines: the strings in them, under the keys that lead there. */
import { MnemeError } from "../../../errors.ts";
import type { Block, Parsed } from "../parsed.ts";

/** @throws MnemeError FORMAT naming the file. */
export function readJson(source: string, name: string): Parsed {
  try {
    return render([JSON.parse(source)]);
  } catch (cause) {
    throw new MnemeError("FORMAT", `${name}: not JSON; fix it, or exclude it`, { cause });
  }
}

/** @throws MnemeError FORMAT naming file and line. */
export function readJsonLines(source: string, name: string): Parsed {
  const values: unknown[] = [];
  source.split("\n").forEach((line, i) => {
    if (line.trim() === "") return;
    try {
      values.push(JSON.parse(line));
    } catch (cause) {
      throw new MnemeError("FORMAT", `${name}:${i + 1}: not a line of JSON; fix it, or exclude the file`, {
        cause,
      });
    }
  });
  return render(values);
}

/** Each record a section under its title or number. */
function render(values: readonly unknown[]): Parsed {
  const blocks: Block[] = [];
  let text = "";
  values.forEach((value, i) => {
    if (values.length > 1) {
      const heading = titleOf(value) ?? `Record ${i + 1}`;
      blocks.push({
        kind: "heading",
        start: text.length,
        end: text.length + heading.length,
        level: 1,
        text: heading,
      });
      text += `${heading}\n\n`;
    }
    text += `${lines(value).join("\n")}\n\n`;
  });
  return { title: titleOf(values[0]) ?? "", text, blocks };
}

function titleOf(value: unknown): string | undefined {
  if (value === null || typeof value !== "object") return undefined;
  const { title, name } = value as { title?: unknown; name?: unknown };
  return typeof title === "string" ? title : typeof name === "string" ? name : undefined;
}

/** Values in their order, however deep they lie. */
function lines(root: unknown): string[] {
  const found: string[] = [];
  const left: [value: unknown, path: string][] = [[root, ""]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [value, path] = next;
    if (value === null || value === undefined) continue;
    if (typeof value !== "object") {
      found.push(path ? `${path}: ${value}` : String(value));
      continue;
    }
    const under = (key: string): string => (Array.isArray(value) ? path : path ? `${path}.${key}` : key);
    for (const [key, child] of Object.entries(value).reverse()) left.push([child, under(key)]);
  }
  return found;
}
