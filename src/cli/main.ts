#!/usr/bin/env node
/** The `mneme` command: a thin start that loads what the sub-command needs, and no more. */
import { run } from "./run.ts";

run(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
