/**
 * One spelling for what is written in several: letters without their marks ("El Nino"), Greek letters by their names ("TGF-β", "TGF beta"), codes with and
 * without a hyphen ("IL-6", "IL6"), British words as American ones ("tumour", "tumor"). Small letters in and out.
 */

const GREEK: ReadonlyMap<string, string> = new Map(
  "α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho σ sigma ς sigma τ tau φ phi χ chi ψ psi ω omega"
    .split(" ")
    .flatMap((letter, i, all) => (i % 2 === 0 ? [[letter, all[i + 1]!] as const] : [])),
);
const GREEK_LETTER = /[α-ω]/gu;
/** Words of Greek are words; a letter or two beside others is a name. */
const GREEK_WORD = /[α-ω]{3}/u;
const MARKS = /(?<=[a-z])\p{M}+/gu;
const CODE = /(?<=[a-z])-(?=\d)/gu;

/** A text as its label is compared, in compatibility forms. */
export function plainLetters(text: string): string {
  const plain = text.normalize("NFD").replace(MARKS, "").normalize("NFC").replace(CODE, "");
  return GREEK_WORD.test(plain)
    ? plain
    : plain.replace(GREEK_LETTER, (letter) => ` ${GREEK.get(letter) ?? letter} `);
}

/** Endings and syllables in which the two spellings differ. What they also meet in other words is the same on both sides. */
const BRITISH: readonly (readonly [RegExp, string])[] = [
  [/^((?:tum|col|behavi|fav|hon|lab|neighb|harb|vap|od|hum|flav|vig|arm|endeav|sav)o)u(?=r)/, "$1"],
  [/^(discol|dishon)our/, "$1or"],
  [/a(?=e(?:m(?!$)|d(?!$)|t|st(?:h)|c|o))/, ""],
  [/^o(?=e(?:str|d|soph))|(?<=f)o(?=et)|(?<=rrh)o(?=ea)|(?<=man)o(?=euv)/, ""],
  [/(?<=al|il|er|or|im|om|an|en|in|un|on|at|et|ic|ar|ur|id)is(?=e[ds]?$|ing$|ations?$)/, "iz"],
  [/(?<=anal|paral|catal)ys(?=e[ds]?$|ing$)/, "yz"],
  [/^(model|label|travel|cancel|channel|signal|tunnel|fuel)l(?=ed$|ing$|ers?$)/, "$1"],
  [/^(cent|fib|met|lit|theat|calib|millimet|centimet|kilomet)re(?=s?$)/, "$1er"],
  [/^sulph/, "sulf"],
  [/^((?:def|off|lic|pret)en)ce(?=s?$)/, "$1se"],
  [/^ageing$/, "aging"],
  [/^programme(?=s?$)/, "program"],
  [/^grey/, "gray"],
];
/** Words that only look British. */
const ANYWHERE = /^(?:promis|treatis|pris|ris|wis|anis|aris)|(?:pris|wis)(?:e|ing)/;

/** A word in American spelling. */
export function american(word: string): string {
  if (ANYWHERE.test(word)) return word;
  return BRITISH.reduce((spelled, [form, other]) => spelled.replace(form, other), word);
}

const TOGETHER = /^(?:\p{Lu}\p{Ll}{2,}){2,}$/u;

/** The words of a name that is several written together, each with its capital ("ThinkTank"); none for other words ("McGill", "lncRNA"). */
export function wordsTogether(word: string): readonly string[] {
  const own = word.replace(/['’]s?$|\.$/, "");
  return TOGETHER.test(own) ? own.match(/\p{Lu}\p{Ll}+/gu)! : [];
}
