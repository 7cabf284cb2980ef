/** Finds files of the package that are not imported: worker bundles in dist/, models. Works from source and from any chunk of dist/. */

/** URL of `dist/<name>`, from the URL of any module under src/ or dist/. */
export function builtFile(name: string, from: string): URL {
  return new URL(`dist/${name}`, packageRoot(from));
}

/** URL of the package's root folder. */
export function packageRoot(from: string): URL {
  const at = Math.max(from.lastIndexOf("/src/"), from.lastIndexOf("/dist/"));
  return new URL(from.slice(0, at + 1));
}
