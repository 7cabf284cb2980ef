// Adds items one by one, sometimes several at once, replacing some; prints each id when it is durable. Killed from outside.
import { open } from "../../dist/index.js";

const [path, start, workers] = process.argv.slice(2);
const memory = await open(path, { workers: Number(workers) });
for (let n = Number(start); ; n++) {
  const items =
    n % 7 === 0 ? Array.from({ length: 40 }, (_, i) => item(`batch${n}-${i}`, n)) : [item(`one${n}`, n)];
  if (n % 5 === 0 && n > Number(start)) items.push(item(`one${n - 3}`, n));
  await memory.add(items);
  process.stdout.write(`${JSON.stringify(items.map(({ id, text }) => [id, text.length]))}\n`);
}

function item(id, n) {
  return {
    id,
    text: `# Item ${id}\n\nunique${id.replace("-", "x")} of round ${n}. ${"Some words to fill the passage. ".repeat(n % 90)}`,
  };
}
