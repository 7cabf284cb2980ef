/** The bytes that a process had resident at most. */
import { existsSync, readFileSync } from "node:fs";

/** Linux knows it of this program alone; the usage of a process begins with the one that started it. */
export function peakBytes(): number {
  const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS) * 1024;
}
