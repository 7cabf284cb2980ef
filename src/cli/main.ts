#!/usr/bin/env node
/** The `mneme` command: a thin start that loads what the sub-command needs, and no more. */
import { allowRelaxedSimd } from "../kernels/allow-relaxed.ts";
import { run } from "./run.ts";

allowRelaxedSimd();
run(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
