/** Glob patterns over slash-separated paths: ** any folders, * and ? within a name, {a,b} alternatives. */

/** A pattern without a slash matches the name in any folder. */
export function globMatcher(patterns: readonly string[]): (path: string) => boolean {
  const tests = patterns
    .map((pattern) => pattern.trim())
    .filter(Boolean)
    .map(toRegExp);
  return (path) => tests.some((test) => test.test(path));
}

function toRegExp(pattern: string): RegExp {
  const anchored = pattern.replace(/^\.?\//, "").replace(/\/$/, "/**");
  const whole = anchored.includes("/") ? anchored : `**/${anchored}`;
  let source = "";
  for (let i = 0; i < whole.length; i++) {
    const char = whole[i]!;
    if (whole.startsWith("**/", i)) {
      source += "(?:.*/)?";
      i += 2;
    } else if (whole.startsWith("**", i)) {
      source += ".*";
      i++;
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "{") source += "(?:";
    else if (char === "}") source += ")";
    else if (char === "," && whole.lastIndexOf("{", i) > whole.lastIndexOf("}", i)) source += "|";
    else source += char.replace(/[.+^$()|[\]\\]/g, "\\$&");
  }
  return new RegExp(`^${source}$`);
}
