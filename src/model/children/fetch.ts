/** Test support: fetches a model in a process of its own, which a test kills or gives too little disk. Says how many bytes it has, then where. */
import { isMnemeError } from "../../errors.ts";
import { fetchModel } from "../hub.ts";

const [name, url, cache] = process.argv.slice(2);
try {
  const path = await fetchModel(name!, {
    hub: { url: url!, cache: cache! },
    onProgress: ({ file, done }) => process.stdout.write(`${file} ${done}\n`),
  });
  process.stdout.write(`path ${path}\n`);
} catch (error) {
  if (!isMnemeError(error)) throw error;
  process.stdout.write(`error ${error.code} ${error.message}\n`);
}
