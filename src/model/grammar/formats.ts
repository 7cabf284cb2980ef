/** Strings that the `format` keyword names, without their quotes. */
import type { Expression } from "./expression.ts";
import { parseGbnf } from "./gbnf.ts";

/** Dates and times of RFC 3339, 29 February in leap years alone; identifiers of RFC 9562. */
const SOURCE = `
root      ::= date | time | date-time | uuid
date      ::= [0-9]{4} "-" day | leap "-02-29"
day       ::= month "-" ( "0" [1-9] | "1" [0-9] | "2" [0-8] ) | ( long | short ) "-" ( "29" | "30" ) | long "-31"
month     ::= long | short | "02"
long      ::= "0" [13578] | "1" [02]
short     ::= "0" [469] | "11"
leap      ::= [0-9]{2} fourth | ( "00" | fourth ) "00"
fourth    ::= "0" [48] | [2468] [048] | [13579] [26]
time      ::= clock ":" [0-5] [0-9] ( "." [0-9]{1,9} )? ( "Z" | [+-] clock )
clock     ::= ( [01] [0-9] | "2" [0-3] ) ":" [0-5] [0-9]
date-time ::= date "T" time
uuid      ::= hex{8} "-" hex{4} "-" hex{4} "-" hex{4} "-" hex{12}
hex       ::= [0-9a-fA-F]
`;

export const FORMATS = ["date", "time", "date-time", "uuid"] as const;

let rules: ReadonlyMap<string, Expression> | undefined;

/** Rules with the names of FORMATS, and those that they call. */
export function formatRules(): ReadonlyMap<string, Expression> {
  rules ??= parseGbnf(SOURCE).rules;
  return rules;
}
