/**
 * Names in running English text: runs of words with capitals and codes with figures, told apart by what stands in and before them. Rules, without a
 * model: quick and explainable, and they miss what is written small.
 */
import { type Counts, count, type Extractor, noCounts } from "./extractor.ts";
import { PLACES } from "./places.ts";

/** Dimensions that names are told apart by; what no rule knows is a name. */
export const NAME_DIMENSIONS = ["person", "organization", "location", "event", "name"] as const;
export type NameDimension = (typeof NAME_DIMENSIONS)[number];

const words = (text: string): Set<string> => new Set(text.split(" "));

const ORGANIZATION = words(
  "university college institute institution inc inc. llc ltd ltd. limited corp corp. corporation company co co. gmbh ag plc agency administration department ministry center centre laboratory laboratories lab committee association foundation council bank society school hospital academy bureau commission service survey union party court board trust group press journal program project team consortium observatory office",
);
const PLACE = words(
  "river lake mountain mountains island islands sea ocean bay county city coast gulf valley desert peninsula strait state street avenue park basin beach cape delta harbor harbour district province region",
);
const EVENT = words(
  "hurricane hurricanes typhoon cyclone storm earthquake tsunami war olympics festival conference summit election pandemic flood eruption tornado act treaty agreement",
);
const TITLE = words(
  "mr mr. mrs mrs. ms ms. dr dr. prof prof. professor president senator governor sir lady judge author co-author researcher scientist",
);
const SAYS = words("said says explained added noted wrote told");
/** Words of a place that is known by name, at most. */
const PLACE_WORDS = 3;
/** Small words inside names. */
const INSIDE = words("of the and for de la von van der du del al &");
/** Words that begin sentences with a capital and name nothing. */
const ORDINARY = words(
  "the a an in on at of to for from by with and or but if when where while this that these those it its we our they their he she his her i you your as is are was were be not no there here however moreover furthermore thus therefore although because since after before during between among both each all some any many most such other one two three using based results methods background conclusion conclusions objective purpose introduction discussion figure table what which who how why whether does do did can could may might must should will would has have had also more than then so under over about into upon any either neither nothing such said upon each party parties",
);
/** Dates are another extractor's. */
const CALENDAR = words(
  "january february march april may june july august september october november december jan jan. feb feb. mar mar. apr apr. jun jun. jul jul. aug aug. sep sep. sept sept. oct oct. nov nov. dec dec. monday tuesday wednesday thursday friday saturday sunday",
);
const NAMEY = /^\p{Lu}[\p{L}\p{M}'’-]*\.?$/u;
/** ADAR1, p53, NF-kB, BRCA2, COVID-19, DNA. */
const CODE = /^(?=.*\p{Lu}.*\p{Lu}|.*\d)(?=.*\p{L})[\p{L}\p{N}][\p{L}\p{N}/-]+$/u;

interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Whether it begins a sentence. */
  readonly isFirst: boolean;
}

function wordsOf(text: string): Word[] {
  let isFirst = true;
  return [...text.matchAll(/[\p{L}\p{N}&][\p{L}\p{N}\p{M}'’/&-]*\.?|[!?:;\n"“”()[\],]|\./gu)].flatMap(
    ({ 0: match, index }) => {
      if (/^[!?:\n.]$/.test(match)) {
        isFirst = true;
        return [];
      }
      if (/^["“”()[\],;]$/.test(match)) return [];
      // a full stop behind a long word ends a sentence
      const isEnd = match.endsWith(".") && match.length > 4;
      const word = isEnd ? match.slice(0, -1) : match;
      const found = { text: word, start: index, end: index + word.length, isFirst };
      isFirst = isEnd;
      return [found];
    },
  );
}

/** Fills person, organization, location, event and name. */
export function names(): Extractor {
  return {
    dimensions: NAME_DIMENSIONS,
    extract(text) {
      const labels: Record<NameDimension, Counts> = {
        person: noCounts(),
        organization: noCounts(),
        location: noCounts(),
        event: noCounts(),
        name: noCounts(),
      };
      const all = wordsOf(text);
      for (let at = 0; at < all.length; ) {
        const end = nameEnd(text, all, at);
        if (end === at) {
          at++;
          continue;
        }
        const label = text.slice(all[at]!.start, all[end - 1]!.end).replace(/['’]s?$/, "");
        const dimension = dimensionOf(all, at, end);
        count(labels[dimension], label);
        if (dimension !== "location" && dimension !== "person")
          for (const place of placesIn(text, all, at, end)) count(labels.location, place);
        at = end;
      }
      return labels;
    },
  };
}

/** Where the name that begins at a word ends; the word itself where none does. */
function nameEnd(text: string, all: readonly Word[], from: number): number {
  // the one who has a title ends before what it is a title of
  const isTitled = TITLE.has(all[from]!.text.toLowerCase());
  let end = from;
  for (let at = from; at < all.length; at++) {
    const word = all[at]!;
    const touches = at === from || /^[\s.]*$/.test(text.slice(all[at - 1]!.end, word.start));
    if (!touches || (word.isFirst && at > from)) break;
    if (isNamed(word)) end = at + 1;
    else if (at === from || isTitled || !INSIDE.has(word.text) || at - end > 1) break;
  }
  return ORDINARY.has(all[from]!.text.toLowerCase()) ? from : end;
}

function isNamed({ text, isFirst }: Word): boolean {
  if (CODE.test(text)) return true;
  if (!NAMEY.test(text) || text.length < 2) return false;
  const small = text.toLowerCase();
  return !CALENDAR.has(small) && !(isFirst && ORDINARY.has(small));
}

/** Places that longer names begin with or hold, with the word for what they are: "New York City" of "New York City Department of Health". */
function* placesIn(text: string, all: readonly Word[], from: number, end: number): Generator<string> {
  const small = (at: number): string => all[at]!.text.toLowerCase();
  for (let at = from; at < end; at++)
    for (let to = Math.min(end, at + PLACE_WORDS); to > at; to--) {
      const known = Array.from({ length: to - at }, (_, i) => small(at + i)).join(" ");
      if (!PLACES.has(known)) continue;
      const last = to < end && PLACE.has(small(to)) ? to : to - 1;
      // the whole is a name of its own
      if (at > from || last + 1 < end) yield text.slice(all[at]!.start, all[last]!.end);
      at = last;
      break;
    }
}

function dimensionOf(all: readonly Word[], from: number, end: number): NameDimension {
  const inIt = all.slice(from, end).map(({ text }) => text.toLowerCase());
  if (inIt.some((word) => EVENT.has(word))) return "event";
  if (inIt.some((word) => ORGANIZATION.has(word))) return "organization";
  if (
    PLACES.has(inIt.join(" ")) ||
    inIt.some((word, i) => PLACE.has(word) && inIt.length > 1 && (i === 0 || i === inIt.length - 1))
  )
    return "location";
  const before = all[from - 1]?.text.toLowerCase();
  const after = all[end]?.text.toLowerCase();
  const isTitled = (before !== undefined && TITLE.has(before)) || TITLE.has(inIt[0]!);
  const isSaid = (before !== undefined && SAYS.has(before)) || (after !== undefined && SAYS.has(after));
  const isPlain = all.slice(from, end).every(({ text }) => NAMEY.test(text) && !/^\p{Lu}{2,}$/u.test(text));
  if (isPlain && (isTitled || isSaid) && end - from <= 4) return "person";
  return "name";
}
