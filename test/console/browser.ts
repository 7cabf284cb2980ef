/** A real Chromium over the built console. Undefined when this machine has no browser or no driver: the tests then skip. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const tools = new URL("../../tools/node_modules/", import.meta.url);
const driver = new URL("playwright-core/index.mjs", tools);
const axe = new URL("axe-core/axe.min.js", tools);

// biome-ignore lint/suspicious/noExplicitAny: the driver lives in tools/, outside the types of the root
export type Page = any;
// biome-ignore lint/suspicious/noExplicitAny: as above
export type Browser = any;

const chromium = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== undefined && existsSync(path));

/** Why there is no browser to test with; undefined when there is. */
export const noBrowser: string | undefined = !chromium
  ? "no Chromium here (apt-get install chromium, or set CHROMIUM)"
  : !existsSync(driver) || !existsSync(axe)
    ? "no browser driver here (npm run tools)"
    : undefined;

export async function launch(): Promise<Browser> {
  const { chromium: type } = await import(driver.href);
  return type.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** Builds the console into a fresh folder and returns its path. */
export async function buildConsole(): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), "mneme-console-"));
  const { build } = await import("vite");
  const configFile = fileURLToPath(new URL("../../web/vite.config.ts", import.meta.url));
  await build({ configFile, logLevel: "error", build: { outDir, emptyOutDir: true } });
  return outDir;
}

/** Faults that axe calls serious or critical, as "rule: elements". */
export async function seriousFaults(page: Page): Promise<string[]> {
  // Evaluated by the driver, which the page's content security policy does not bind.
  await page.evaluate(await readFile(axe, "utf8"));
  const { violations } = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
  return violations
    .filter(({ impact }: { impact: string }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }: { id: string; nodes: { target: string[]; failureSummary: string }[] }) => {
      const [first] = nodes;
      return `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")} (${first?.failureSummary})`;
    });
}
