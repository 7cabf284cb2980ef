/**
 * Glob patterns over slash-separated paths: ** any folders, * and ? within a name, {a,b} alternatives. All ways through a pattern are
 * followed at once (Thompson, Regular Expression Search Algorithm, 1968), so time grows with path times pattern, whatever its stars.
 */

/** A pattern without a slash matches the name in any folder. */
export function globMatcher(patterns: readonly string[]): (path: string) => boolean {
  const programs = patterns
    .map((pattern) => pattern.trim())
    .filter(Boolean)
    .map((pattern) => compile(inAnyFolder(pattern)));
  return (path) => programs.some((program) => matches(program, path));
}

const SLASH = 0x2f;
/** What a step takes: one UTF-16 unit (its code), any unit, any but a slash; or nothing, going on at each of `next`. */
const ANY = -1;
const IN_NAME = -2;
const NOTHING = -3;

interface Step {
  readonly takes: number;
  /** Steps to go on with. Past the last step: the pattern is done. */
  readonly next: number[];
}

function inAnyFolder(pattern: string): string {
  const anchored = pattern.replace(/^\.?\//, "").replace(/\/$/, "/**");
  const inPath = anchored.includes("/") && anchored.indexOf("/**") !== anchored.indexOf("/");
  return inPath ? anchored : `**/${anchored}`;
}

function compile(pattern: string): Step[] {
  const steps: Step[] = [];
  const braces = balanced(pattern);
  /** The choice at the brace that is open, and the ends of its alternatives so far. */
  let choice: Step | undefined;
  let ends: Step[] = [];
  const push = (takes: number, ...next: number[]): Step => {
    const step = { takes, next: next.length > 0 ? next : [steps.length + 1] };
    steps.push(step);
    return step;
  };
  /** Any number of units of a kind. */
  const repeat = (takes: number): void => {
    const start = steps.length;
    push(NOTHING, start + 1, start + 2);
    push(takes, start);
  };
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    if (pattern.startsWith("**/", i)) {
      push(NOTHING, steps.length + 1, steps.length + 4);
      repeat(ANY);
      push(SLASH);
      i += 2;
    } else if (pattern.startsWith("**", i)) {
      repeat(ANY);
      i++;
    } else if (char === "*") repeat(IN_NAME);
    else if (char === "?") push(IN_NAME);
    else if (char === "{" && braces) {
      choice = push(NOTHING);
      ends = [];
    } else if (char === "," && choice) {
      ends.push(push(NOTHING));
      choice.next.push(steps.length);
    } else if (char === "}" && choice) {
      for (const end of ends) end.next[0] = steps.length;
      choice = undefined;
    } else push(char.charCodeAt(0));
  }
  return steps;
}

/** Braces that do not match, or stand in each other, are plain characters. */
function balanced(pattern: string): boolean {
  let open = false;
  for (const char of pattern) {
    if (char === (open ? "{" : "}")) return false;
    if (char === "{" || char === "}") open = !open;
  }
  return !open;
}

function matches(steps: readonly Step[], path: string): boolean {
  /** Position in the path at which a step was last reached, so that each is followed once. */
  const reached = new Int32Array(steps.length + 1).fill(-1);
  let now: number[] = [];
  const reach = (start: number, at: number): void => {
    for (const stack = [start]; stack.length > 0; ) {
      const step = stack.pop()!;
      if (reached[step] === at) continue;
      reached[step] = at;
      if (steps[step]?.takes === NOTHING) stack.push(...steps[step].next);
      else now.push(step);
    }
  };
  reach(0, 0);
  for (let at = 0; at < path.length && now.length > 0; at++) {
    const code = path.charCodeAt(at);
    const before = now;
    now = [];
    for (const step of before) {
      const { takes, next } = steps[step] ?? { takes: NOTHING, next: [] };
      if (takes === code || takes === ANY || (takes === IN_NAME && code !== SLASH)) reach(next[0]!, at + 1);
    }
  }
  return reached[steps.length] === path.length;
}
