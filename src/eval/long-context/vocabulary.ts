/** Words, names, numbers and codes that tasks are made of; every one drawn from a seed. */
import type { Random } from "../../linalg/random.ts";

export const ADJECTIVES: readonly string[] =
  "amber ancient bright broken calm careful clever cold crisp curious damp deep distant early eager empty faint fancy fierce final flat fresh frozen gentle giant golden grand green heavy hidden hollow honest humble icy idle jolly keen large late lazy light little lonely loud lucky mellow merry mild modern narrow neat noble old orange pale patient plain polite proud purple quick quiet rapid rare red restless rich rough round royal rusty salty sharp shiny short shy silent silver simple slow small smooth soft solid sour spare spicy steady stiff strange strong sunny sweet swift tall tame tender thin tidy tiny tired useful vast warm weak wet white wide wild wise wooden yellow young".split(
    " ",
  );

export const NOUNS: readonly string[] =
  "anchor apple arrow autumn badge banner barrel basket beach bell bird blanket boat bottle branch bread bridge brush bucket button camera candle canvas carpet castle cave chain chair cherry circle clock cloud coast coin comet copper corner cotton cousin crane creek crown cup curtain desert desk diamond dinner doctor door dragon drum eagle engine fabric farmer feather fence field finger flame flute forest fountain garden gate glacier glove harbor hammer helmet hill honey horse island jacket jungle kettle key kitchen ladder lake lamp lantern leaf lemon letter library lion market meadow melon mirror mitten monkey moon mountain museum needle nest ocean olive orchard oven owl paint palace paper parrot path pebble pencil pepper piano pigeon pillow planet plate pocket pond puzzle quilt rabbit radio raft rain ribbon river road robin rocket roof rope saddle sail sailor school shadow sheep shell ship shoe shovel spider spoon spring stable star station statue stone storm stream summer table teacher temple thunder ticket tiger tower train tree trumpet tunnel turtle umbrella valley velvet village violin wagon wall water wheel whistle window winter wolf wood yard".split(
    " ",
  );

const VERBS =
  "follows finds carries watches covers holds passes reaches guards brings paints leaves meets moves shows hides".split(
    " ",
  );
const PREPOSITIONS = "near behind beside under above across beyond against".split(" ");
const SYLLABLES =
  "ba de fi go ka le mi no pu ra se ti vo za bel dan fer gim kor lan mar nel pol ros sil tam vin".split(" ");
const ENDINGS = ["n", "r", "l", "s", "th", "rk", "x", ""];

export const pick = <T>(random: Random, from: readonly T[]): T => from[random.integer(from.length)]!;

/** A number of so many digits, none of them a leading zero. */
export function numberOf(random: Random, digits: number): string {
  const least = 10 ** (digits - 1);
  return String(least + random.integer(9 * least));
}

const HEX = "0123456789abcdef";
const hexOf = (random: Random, digits: number): string =>
  Array.from({ length: digits }, () => HEX[random.integer(16)]).join("");

export const uuidOf = (random: Random): string =>
  [8, 4, 4, 4, 12].map((digits) => hexOf(random, digits)).join("-");

export const pairOf = (random: Random): string => `${pick(random, ADJECTIVES)}-${pick(random, NOUNS)}`;

export function nameOf(random: Random): string {
  const letters = Array.from({ length: 2 + random.integer(2) }, () => pick(random, SYLLABLES)).join("");
  const name = letters + pick(random, ENDINGS);
  return name[0]!.toUpperCase() + name.slice(1);
}

export const capitals = (random: Random, count: number): string =>
  Array.from({ length: count }, () => String.fromCharCode(65 + random.integer(26))).join("");

export const lettersOf = (random: Random, count: number): string => capitals(random, count).toLowerCase();

/** So many different ones. */
export function different<T>(count: number, make: () => T): T[] {
  const found = new Set<T>();
  while (found.size < count) found.add(make());
  return [...found];
}

export function sentenceOf(random: Random): string {
  const thing = (): string => `the ${pick(random, ADJECTIVES)} ${pick(random, NOUNS)}`;
  const start = thing();
  const rest = `${pick(random, VERBS)} ${thing()} ${pick(random, PREPOSITIONS)} the ${pick(random, NOUNS)}`;
  const more = random.uniform() < 0.4 ? `, and ${thing()} ${pick(random, VERBS)} it` : "";
  return `${start[0]!.toUpperCase()}${start.slice(1)} ${rest}${more}.`;
}
