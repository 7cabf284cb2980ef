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
  const inPath = anchored.includes("/") && anchored.indexOf("/**") !== anchored.indexOf("/");
  const whole = inPath ? anchored : `**/${anchored}`;
  const braces = balanced(whole);
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
    else if (char === "{" && braces) source += "(?:";
    else if (char === "}" && braces) source += ")";
    else if (char === "," && braces && whole.lastIndexOf("{", i) > whole.lastIndexOf("}", i)) source += "|";
    else source += char.replace(/[.+^$()|[\]\\{}]/g, "\\$&");
  }
  return new RegExp(`^${source}$`);
}

/** Braces that do not match are plain characters. */
function balanced(pattern: string): boolean {
  return /^[^{}]*(\{[^{}]*\}[^{}]*)*$/.test(pattern);
}
