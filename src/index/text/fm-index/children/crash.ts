/** Test child: appends documents, says how many there are, merges all shards now and then, and waits to be killed. Argument: folder. */
import { FmIndex } from "../fm-index.ts";
import { BATCH, documentOf } from "./crash-text.ts";

const small = { blockBytes: 8192, shardBytes: 1 << 14 };
const folder = process.argv[2]!;
const index = await FmIndex.open(folder).catch(() => FmIndex.build([], { ...small, folder }));
process.stdout.write(`${index.documents}\n`);
for (let round = 1; ; round++) {
  const first = index.documents;
  process.stdout.write(
    `${await index.append(Array.from({ length: BATCH }, (_, i) => documentOf(first + i)))}\n`,
  );
  if (round % 3 === 0) await index.merge({ shardBytes: 1 << 24 });
}
