/** The writing half of a memory, loaded when a library is opened for writing. Node only. */
export { addItems } from "./add.ts";
export { addFile } from "./add-file.ts";
export { compact } from "./compact.ts";
export { forget, sweepExpired, undo } from "./forget.ts";
export { indexFolder } from "./index-folder.ts";
export { keepSubstrings } from "./index-substrings.ts";
export { keepTagSelector, keepTuned } from "./keep-tuned.ts";
export { mergeIfMany } from "./maintain.ts";
export { reembed } from "./reembed.ts";
export { dropOrphans } from "./stage.ts";
export { defaultWorkers } from "./worker-pool.ts";
export { Writer } from "./writer.ts";
