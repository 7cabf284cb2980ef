/** The grammar that a call asks for, in GBNF or as a JSON Schema; the last ones are kept, with all that was found of them. */
import { MnemeError } from "../../errors.ts";
import type { Grammar } from "./expression.ts";
import { parseGbnf } from "./gbnf.ts";
import { grammarOfSchema } from "./json-schema.ts";
import { checkDepth } from "./schema.ts";

export interface GrammarOptions {
  /** GBNF. */
  readonly grammar?: string;
  /** A JSON Schema; true: any JSON object. */
  readonly schema?: object | true;
}

const MOST_KEPT = 16;
const kept = new Map<string, Grammar>();

/** @returns undefined where none is asked for. @throws MnemeError of a grammar or schema that is refused, ARGUMENT for both at once */
export function grammarOf({ grammar, schema }: GrammarOptions): Grammar | undefined {
  if (grammar !== undefined && schema !== undefined)
    throw new MnemeError("ARGUMENT", "generate: grammar and schema together; give one of them");
  if (grammar !== undefined) return keptUnder(`grammar ${grammar}`, () => parseGbnf(grammar));
  if (schema === undefined) return undefined;
  checkDepth(schema);
  return keptUnder(`schema ${JSON.stringify(schema)}`, () => grammarOfSchema(schema));
}

function keptUnder(key: string, make: () => Grammar): Grammar {
  const grammar = kept.get(key) ?? make();
  kept.delete(key);
  kept.set(key, grammar);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
  return grammar;
}
