/** The console in a real browser: what a person does with it, by mouse, by keyboard, in the dark and on a phone. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Memory, open } from "../../src/memory/index.ts";
import { createServer, type MnemeServer } from "../../src/server/index.ts";
import { type Browser, buildConsole, launch, noBrowser, type Page, seriousFaults } from "./browser.ts";

const documents = [
  {
    id: "notes/spann.md",
    title: "SPANN",
    meta: { kind: "paper", year: 2021 },
    text: `# SPANN\n\nA vector index that keeps centroids in memory and posting lists on disk.\n\n${"Filler about balanced clustering and closures. ".repeat(120)}\n\n## Search\n\nPosting lists are pruned by the distance of their centroid to the query.\n`,
  },
  {
    id: "notes/tea.md",
    title: "Tea",
    meta: { kind: "note", year: 2020 },
    text: "# Tea\n\nGreen tea is brewed at eighty degrees for two minutes.\n\nBlack tea takes boiling water.\n",
  },
  {
    id: "notes/otter.md",
    title: "Otters",
    meta: { kind: "note", year: 2020 },
    text: "# Otters\n\nSea otters hold hands while they sleep, so that they do not drift apart.\n",
  },
];

if (noBrowser) console.warn(`console tests skipped: ${noBrowser}`);

describe.skipIf(noBrowser)("console", () => {
  let memory: Memory;
  let server: MnemeServer;
  let browser: Browser;
  let page: Page;
  let url: string;
  let consoleFolder: string;
  let shots: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    consoleFolder = await buildConsole();
    shots = process.env.MNEME_SHOTS ?? (await mkdtemp(join(tmpdir(), "mneme-shots-")));
    memory = await open(":memory:", { workers: 0 });
    await memory.add(documents);
    server = createServer(memory, { consoleFolder });
    ({ url } = await server.listen({ port: 0 }));
    browser = await launch();
    page = await newPage();
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await memory?.close();
    await rm(consoleFolder, { recursive: true, force: true });
  });

  async function newPage(options: object = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...options });
    context.setDefaultTimeout(8000);
    const fresh = await context.newPage();
    fresh.on("console", (message: { type: () => string; text: () => string }) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    fresh.on("pageerror", (error: Error) => complaints.push(String(error)));
    return fresh;
  }

  async function search(words: string, on: Page = page): Promise<void> {
    await on.goto(`${url}/#/search`);
    await on.getByRole("searchbox", { name: "Search the library" }).fill(words);
    await on.locator(`.results[data-query="${words}"] .hit`).first().waitFor();
  }

  test("finds as one types, says why, and opens the passage in its document", async () => {
    await search("pruned posting lists");
    const hit = page.locator(".hit").first();
    expect(await hit.locator("h2").textContent()).toBe("SPANN");
    expect((await hit.locator("mark").allTextContents()).join(" ").toLowerCase()).toContain("posting");
    expect(await hit.locator(".reason").count()).toBeGreaterThan(0);
    expect(page.url()).toContain("q=pruned+posting+lists");
    await hit.locator("h2 button").click();
    const lit = page.locator(".reader .lit");
    await lit.waitFor();
    expect(await lit.textContent()).toContain("pruned by the distance");
    expect(await lit.evaluate((e: HTMLElement) => e.getBoundingClientRect().top < innerHeight)).toBe(true);
    await page.screenshot({ path: join(shots, "search-reading-light.png") });
    await page.keyboard.press("Escape");
    expect(await page.locator(".reader").count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("SPANN");
  });

  test("text reads in its own direction, whichever the page has", async () => {
    const id = "tea-ar.md";
    const text = "يحضر الشاي الأخضر عند ثمانين درجة.\n\nGreen tea, in English.";
    await memory.add([{ id, title: "الشاي الأخضر", text }]);
    await search("الشاي الأخضر");
    const hit = page.locator(".hit", { hasText: "الشاي" }).first();
    const direction = (e: Element): string => getComputedStyle(e).direction;
    for (const part of ["h2", ".snippet"]) expect(await hit.locator(part).evaluate(direction)).toBe("rtl");
    expect(await page.locator(".hit .crumbs").first().evaluate(direction)).toBe("ltr");
    await hit.locator("h2 button").click();
    await page.locator(".reader .lit").waitFor();
    expect(await page.locator("#reader-title").evaluate(direction)).toBe("rtl");
    // where its lines begin: the Arabic one at the right end of the column, the English one at the left
    const sides = await page.locator(".reader .text").evaluate((region: HTMLElement) => {
      const column = region.querySelector(".block")!.getBoundingClientRect();
      const walker = document.createTreeWalker(region, NodeFilter.SHOW_TEXT);
      const range = document.createRange();
      const boxes: DOMRect[] = [];
      while (walker.nextNode()) {
        range.selectNodeContents(walker.currentNode);
        boxes.push(...range.getClientRects());
      }
      const lines = boxes.filter(({ width }) => width > 1);
      const [first, last] = [lines[0]!, lines.at(-1)!];
      return [Math.abs(first.right - column.right) < 8, Math.abs(last.left - column.left) < 8];
    });
    expect(sides).toEqual([true, true]);
    expect(await seriousFaults(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await memory.forget({ ids: [id] });
  });

  test("works by keyboard alone", async () => {
    await page.goto(`${url}/#/memory`);
    await page.locator(".memory h1").waitFor();
    await page.keyboard.press("/");
    await page.getByRole("searchbox", { name: "Search the library" }).waitFor();
    await page.locator("[data-main-field]:focus").waitFor();
    await page.keyboard.type("tea water");
    await page.locator('.results[data-query="tea water"] .hit').first().waitFor();
    await page.keyboard.press("ArrowDown");
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("hit-link");
    await page.keyboard.press("Enter");
    await page.locator(".reader .lit").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("ArrowUp");
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("INPUT");
    await page.keyboard.press("Tab");
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await page.screenshot({ path: join(shots, "help-light.png") });
    await page.keyboard.press("Escape");
    expect(await page.getByRole("dialog").count()).toBe(0);
    await page.keyboard.press("2");
    await page.getByRole("heading", { name: "Ask" }).waitFor();
  });

  test("filters by facets with counts", async () => {
    await search("the tea otters posting sleep");
    const all = await page.locator(".hit").count();
    await page.getByRole("checkbox", { name: /paper/ }).check();
    await page.locator(".hit").nth(1).waitFor({ state: "detached" });
    expect(await page.locator(".hit h2").allTextContents()).toEqual(["SPANN"]);
    await page.screenshot({ path: join(shots, "search-light.png") });
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page
      .locator(".hit")
      .nth(all - 1)
      .waitFor();
  });

  test("answers with citations that open their passage", async () => {
    await page.goto(`${url}/#/ask`);
    await page.getByRole("textbox", { name: "Question" }).fill("How are posting lists pruned?");
    await page.keyboard.press("Enter");
    await page.locator(".exchange.done").waitFor();
    expect(await page.locator(".answer").textContent()).toContain("osting lists");
    await page.locator(".answer .cite").first().click();
    await page.locator(".reader .lit").waitFor();
    await page.screenshot({ path: join(shots, "ask-reading-light.png") });
    await page.keyboard.press("Escape");
  });

  test("takes in files, tells what was skipped, forgets with a count and brings back", async () => {
    await page.goto(`${url}/#/library`);
    await page.getByText("3 documents").waitFor();
    await page.locator("input[type=file]").setInputFiles([
      {
        name: "zebra.md",
        mimeType: "text/markdown",
        buffer: Buffer.from("# Zebras\n\nNo two zebras share stripes."),
      },
      { name: "empty.txt", mimeType: "text/plain", buffer: Buffer.alloc(0) },
    ]);
    await page.locator(".upload.done", { hasText: "zebra.md" }).waitFor();
    const skipped = page.locator(".upload.skipped", { hasText: "empty.txt" });
    await skipped.waitFor();
    expect((await skipped.locator(".note").textContent()).length).toBeGreaterThan(4);
    await page.getByText("4 documents").waitFor();
    await page.screenshot({ path: join(shots, "library-light.png") });

    await page.getByRole("button", { name: /^Forget .*(zebra|Zebras)/ }).click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.textContent()).toMatch(/1 document\?.*passage/);
    await page.screenshot({ path: join(shots, "forget-light.png") });
    await dialog.getByRole("button", { name: "Forget" }).click();
    await page.getByText("3 documents").waitFor();
    await page.screenshot({ path: join(shots, "undo-light.png") });
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("4 documents").waitFor();
    await search("zebras stripes");
  });

  test("takes in what is dropped, and changes its theme by key", async () => {
    await page.goto(`${url}/#/library`);
    await page.locator(".items").waitFor();
    const dataTransfer = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["Owls turn their heads."], "owl.txt", { type: "text/plain" }));
      return transfer;
    });
    await page.dispatchEvent(".library", "drop", { dataTransfer });
    await page.locator(".upload.done", { hasText: "owl.txt" }).waitFor();
    await page.getByText("5 documents").waitFor();
    const background = (): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const before = await background();
    await page.keyboard.press("t");
    await page.keyboard.press("t");
    expect(await background()).not.toBe(before);
    await page.keyboard.press("t");
    expect(await background()).toBe(before);
  });

  test("draws the memory against its budget", async () => {
    await page.goto(`${url}/#/memory`);
    await page.locator(".tile").first().waitFor();
    const shown = await page.locator(".structures tbody tr").count();
    expect(shown).toBe(memory.stats().length);
    // the bars are of the budget and of the disk: a language model is in neither
    const pieces = memory.stats().filter(({ tier, share }) => tier !== "ram" || share !== undefined);
    expect(pieces).toHaveLength(shown - 2);
    expect(await page.locator(".stacked .piece").count()).toBe(pieces.length);
    await page.screenshot({ path: join(shots, "memory-light.png"), fullPage: true });
  });

  test.each([
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["narrow", { viewport: { width: 360, height: 740 }, colorScheme: "light", hasTouch: true }],
    ["narrow-dark", { viewport: { width: 360, height: 740 }, colorScheme: "dark", hasTouch: true }],
  ])("has no serious fault and fits: %s", async (name, options) => {
    const view = await newPage(options);
    const look = async (what: string): Promise<void> => {
      await view.screenshot({ path: join(shots, `${what}-${name}.png`), fullPage: what === "memory" });
      expect(await seriousFaults(view), what).toEqual([]);
      const overflow = await view.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow, `${what}: wider than the screen`).toBeLessThanOrEqual(0);
    };
    await view.goto(url);
    await view.getByText("What do you want to remember?").waitFor();
    await look("welcome");
    await search("tea otters posting lists", view);
    await look("results");
    await view.locator(".hit-link").first().click();
    await view.locator(".reader .text").waitFor();
    await look("reader");
    await view.keyboard.press("Escape");
    await view.goto(`${url}/#/ask`);
    await view.getByRole("textbox", { name: "Question" }).fill("How do otters sleep?");
    await view.keyboard.press("Enter");
    await view.locator(".exchange.done .sources").waitFor();
    await look("ask");
    await view.goto(`${url}/#/library`);
    await view.locator(".items tbody tr").first().waitFor();
    await look("library");
    await view.getByRole("button", { name: "Forget Tea" }).click();
    await view.getByRole("dialog").waitFor();
    await look("forget");
    await view.keyboard.press("Escape");
    await view.goto(`${url}/#/memory`);
    await view.locator(".tile").first().waitFor();
    await look("memory");
    await view.context().close();
  });

  test("asks for the token of a locked library, once", async () => {
    const locked = createServer(memory, { consoleFolder });
    const { url: lockedUrl } = await locked.listen({ port: 0, token: "s3cret" });
    const before = complaints.length;
    const view = await newPage();
    await view.goto(lockedUrl);
    await view.getByLabel("Token").last().fill("s3cret");
    await view.getByRole("button", { name: "Unlock" }).click();
    await view.getByText("What do you want to remember?").waitFor();
    await view.context().close();
    const direct = await newPage();
    await direct.goto(`${lockedUrl}/#token=s3cret`);
    await direct.getByText("What do you want to remember?").waitFor();
    expect(direct.url()).not.toContain("s3cret");
    await direct.context().close();
    await locked.close();
    // The browser itself reports the refused request; that one is meant.
    const rest = complaints.splice(before).filter((text) => !text.includes("401"));
    expect(rest).toEqual([]);
  });

  test("complained of nothing, and is small", async () => {
    expect(complaints).toEqual([]);
    const names = await readdir(consoleFolder, { recursive: true, withFileTypes: true });
    let bytes = 0;
    for (const entry of names) {
      if (entry.isFile()) bytes += gzipSync(await readFile(join(entry.parentPath, entry.name))).byteLength;
    }
    expect(bytes).toBeLessThan(120_000);
    const index = await fetch(url);
    expect(index.headers.get("content-security-policy")).toContain("default-src 'none'");
  });
});
