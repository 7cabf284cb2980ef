/** The cube in the console: labels with counts beside the results, narrowing by mouse and keyboard, in the dark and on a phone. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Memory, open } from "../../src/memory/index.ts";
import { createServer, type MnemeServer } from "../../src/server/index.ts";
import { type Browser, buildConsole, launch, noBrowser, type Page, seriousFaults } from "./browser.ts";

const documents = [
  {
    id: "ian.md",
    title: "Ian",
    text: "Hurricane Ian struck Florida in September 2022. The storm surge flooded Fort Myers.",
  },
  {
    id: "irma.md",
    title: "Irma",
    text: "Hurricane Irma crossed Florida in 2017. President Rick Scott spoke of the storm surge.",
  },
  {
    id: "harvey.md",
    title: "Harvey",
    text: "Hurricane Harvey flooded Texas in 2017. The storm surge was small, the rain was not.",
  },
];

describe.skipIf(noBrowser)("the cube in the console", () => {
  let memory: Memory;
  let server: MnemeServer;
  let browser: Browser;
  let url: string;
  let consoleFolder: string;
  let shots: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    consoleFolder = await buildConsole();
    shots = process.env.MNEME_SHOTS ?? (await mkdtemp(join(tmpdir(), "mneme-shots-")));
    memory = await open(":memory:", { workers: 0, cube: true });
    await memory.add(documents);
    server = createServer(memory, { consoleFolder });
    ({ url } = await server.listen({ port: 0 }));
    browser = await launch();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await memory?.close();
    await rm(consoleFolder, { recursive: true, force: true });
  });

  async function searching(options: object = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...options });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    page.on("pageerror", (error: Error) => complaints.push(String(error)));
    await page.goto(`${url}/#/search?q=storm+surge+in+Florida`);
    await page.waitForSelector(".hit");
    await page.waitForSelector(".facet legend", { state: "attached" });
    return page;
  }

  /** Waits for so many hits. */
  async function settled(page: Page, hits: number): Promise<void> {
    await page
      .locator(".hit")
      .nth(hits - 1)
      .waitFor();
    await page.locator(".hit").nth(hits).waitFor({ state: "detached" });
  }

  const label = (page: Page, name: string): Page =>
    page.locator(".facet", { has: page.locator("legend", { hasText: /^location$/ }) }).getByLabel(name);

  test("counts beside the results, and narrows by a click", async () => {
    const page = await searching();
    expect(await page.locator(".facet legend").allInnerTexts()).toContain("location");
    expect(await page.locator(".reason.cube .label").first().textContent()).toBe("storm surge");
    await page.screenshot({ path: join(shots, "cube-light.png") });
    expect(await seriousFaults(page)).toEqual([]);
    await label(page, "Texas").check();
    await settled(page, 1);
    expect(await page.locator(".hit-link").textContent()).toBe("Harvey");
    expect(page.url()).toContain("c=");
    await page.getByRole("button", { name: "Clear filters" }).click();
    await settled(page, 3);
    await page.context().close();
  });

  test("narrows by a label of a hit, with the keyboard", async () => {
    const page = await searching({ colorScheme: "dark" });
    const button = page.getByRole("button", { name: "Narrow to location Florida" }).first();
    await button.focus();
    await page.keyboard.press("Enter");
    await settled(page, 2);
    await page.waitForSelector(".label[aria-pressed=true]");
    await page.screenshot({ path: join(shots, "cube-dark.png") });
    expect(await seriousFaults(page)).toEqual([]);
    await page.context().close();
  });

  test("on a phone the labels are behind the filter button", async () => {
    const page = await searching({ viewport: { width: 360, height: 740 } });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    await page.getByRole("button", { name: "Filters" }).click();
    await label(page, "Florida").check();
    await settled(page, 2);
    await page.screenshot({ path: join(shots, "cube-phone.png") });
    expect(await seriousFaults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
