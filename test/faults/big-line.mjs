// Indexes a folder with large files allowed, looks for a word, and says how much memory that took. Arguments: library, folder, word.
import { open } from "../../dist/index.js";

const [library, folder, word] = process.argv.slice(2);
const memory = await open(library, { workers: 2 });
const { added, skipped } = await memory.index(folder, { maxFileBytes: 100e6 });
const [hit] = (await memory.search(word, { retriever: "words" })).hits;
await memory.close();
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ added, skipped, id: hit?.id, snippet: hit?.snippet, peakBytes }));
