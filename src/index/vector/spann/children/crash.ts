/** Test child: changes an index again and again, says so after each change, and waits to be killed. Arguments: folder, changes made before, codes of the lists. */
import { lmdbStore } from "../../../../storage/index.ts";
import { buildSpann } from "../build.ts";
import { SpannIndex } from "../spann.ts";
import { changeOf, FIRST_ROWS, LIMIT, rowsOfIds } from "./crash-plan.ts";

const before = Number(process.argv[3]);
const store = await lmdbStore(process.argv[2]!, { commitThread: true });
const codes = process.argv[4]!;
if (before === 0)
  await buildSpann(store, "crash", rowsOfIds(0, FIRST_ROWS), { limit: LIMIT, metric: "l2", codes });
const index = await SpannIndex.open(store, "crash");
for (let n = before + 1; ; n++) {
  const what = changeOf(n);
  if ("gone" in what) await index.delete(what.gone);
  else
    await index.insert(
      rowsOfIds(what.from, what.to),
      Uint32Array.from({ length: what.to - what.from }, (_, i) => what.from + i),
    );
  process.stdout.write(`${n}\n`);
  if (n % 16 === 0) await index.clean();
}
