/** Test support: loads a model in a process of its own as soon as a line comes in, and says how likely it finds a text. */
import { load } from "../load.ts";

const [folder, weightCache, text] = process.argv.slice(2);
process.stdout.write("ready\n");
process.stdin.once("data", async () => {
  {
    await using model = await load(folder!, { weightCache: weightCache!, workers: 0 });
    process.stdout.write(JSON.stringify([...(await model.score(text!))]));
  }
  process.exit(0);
});
