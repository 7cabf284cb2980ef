/** Test queries are sentences, not expressions of the query language. */
export function plainQuery(text: string): string {
  return text.replace(/["+*~]|(?<=^|\s)-/g, " ");
}
