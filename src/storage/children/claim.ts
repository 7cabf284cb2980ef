/** Test child: takes a folder for writing and lets it go, over and over. Arguments: folder, times. */
import { acquireWriterLock } from "../writer-lock.ts";

const [folder, times] = [process.argv[2]!, Number(process.argv[3])];
process.stdout.write("ready\n");
for (let i = 0; i < times; i++) (await acquireWriterLock(folder, 0)).release();
process.stdout.write("done\n");
