/** Models by name, from a hub on this machine that cuts, lies, redirects and refuses; and from the cache without it. */
import { spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { checkpointFiles, SHARDS, writeSmallGguf } from "../../test/support/checkpoint.ts";
import { COMMIT, type HubServer, openHub } from "../../test/support/hub-server.ts";
import { isInstalled } from "../../test/support/installed.ts";
import { type BundledScript, bundleScript } from "../storage/children/bundle.ts";
import { fetchModel, type HubOptions, parseHubName } from "./hub.ts";
import { hubCacheFolder } from "./hub-cache.ts";
import { load } from "./load.ts";
import { plan } from "./plan.ts";

const hasHub = await isInstalled("@huggingface/hub");
const work = mkdtempSync(join(tmpdir(), "mneme-hub-"));
const files = checkpointFiles();
files.set("model.gguf", new TextEncoder().encode("no model, but bytes ".repeat(5000)));
files.set("pytorch_model.bin", new Uint8Array(10));
files.set("README.md", new Uint8Array(10));
files.set("onnx/decoder.onnx", new Uint8Array(10));
for (const n of [1, 2]) files.set(`quantised/big-0000${n}-of-00002.gguf`, new Uint8Array(1000).fill(n));
const NEEDED = [...files.keys()].filter((name) => /^(config|tokenizer|model.*safetensors)/.test(name)).sort();
const model = "owner/small.model";

let hub: HubServer;
let cache: string;
let count = 0;
beforeEach(async () => {
  hub = await openHub(model, files);
  cache = join(work, `cache-${count++}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const at = (more: NonNullable<HubOptions["hub"]> = {}, options: HubOptions = {}): HubOptions => ({
  ...options,
  hub: { url: hub.url, cache, ...more },
});
const fetched = (options: HubOptions = at(), name = `hf:${model}`): Promise<string> =>
  fetchModel(name, options);
const blobs = (): string[] => readdirSync(join(cache, `models--${model.replace("/", "--")}`, "blobs"));
const isWhole = (folder: string): void => {
  expect(readdirSync(folder).sort()).toEqual(NEEDED);
  for (const name of NEEDED)
    expect(Buffer.compare(readFileSync(join(folder, name)), files.get(name)!)).toBe(0);
  expect(blobs().every((name) => /^[0-9a-f]+$/.test(name))).toBe(true);
};

test("names", () => {
  const main = { model: "a/b", file: undefined, revision: "main" };
  expect(parseHubName("hf:a/b")).toEqual(main);
  expect(parseHubName("hf:a/b@v1.0")).toEqual({ ...main, revision: "v1.0" });
  expect(parseHubName("hf:a/b/c/d.gguf@refs/pr/1")).toEqual({
    model: "a/b",
    file: "c/d.gguf",
    revision: "refs/pr/1",
  });
  for (const bad of [
    "hf:",
    "hf:a",
    "hf:../b",
    "hf:a/..",
    "hf:a/b/../c.gguf",
    "hf:a/b@../x",
    "hf:a/b@",
    "hf:a/b/c d.gguf",
    "hf:a/b//c.gguf",
  ])
    expect(() => parseHubName(bad), bad).toThrow(/expected hf:owner\/name/);
  expect(() => parseHubName("hf:a/b/model.safetensors")).toThrow(/only \.gguf/);
});

test("the cache lies where Hugging Face's tools have it", () => {
  for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"]) vi.stubEnv(name, "");
  vi.stubEnv("XDG_CACHE_HOME", "/x");
  expect(hubCacheFolder()).toBe("/x/huggingface/hub");
  vi.stubEnv("HF_HOME", "/home");
  expect(hubCacheFolder()).toBe("/home/hub");
  vi.stubEnv("HF_HUB_CACHE", "/hub");
  expect(hubCacheFolder()).toBe("/hub");
});

test.skipIf(hasHub)("without the package it says how to install it", async () => {
  await expect(fetched()).rejects.toThrow(/npm i @huggingface\/hub/);
});

describe.skipIf(!hasHub)("a model of the hub", () => {
  test("is planned for out of its configuration or header alone", async () => {
    const folder = mkdtempSync(join(work, "local-"));
    for (const [name, bytes] of checkpointFiles()) writeFileSync(join(folder, name), bytes);
    const gguf = join(work, "small.gguf");
    writeSmallGguf(gguf, { attention_bias: true });
    await using other = await openHub(
      model,
      new Map([...files, ["small.gguf", new Uint8Array(readFileSync(gguf))]]),
    );
    const options = { hub: { url: other.url, cache } };
    expect(await plan(`hf:${model}`, 100, options)).toEqual(await plan(folder, 100));
    expect(other.asked.map(({ path }) => path)).toEqual(["config.json"]);
    expect(await plan(`hf:${model}/small.gguf@v1`, 100, options)).toEqual(await plan(gguf, 100));
    const parts = other.asked.slice(1);
    expect(parts.map(({ path, token }) => [path, token])).toEqual(parts.map(() => ["small.gguf", false]));
    expect(parts.every(({ range }) => /^bytes=\d+-\d+$/.test(range ?? ""))).toBe(true);
    expect(existsSync(cache)).toBe(false);
    other.behaviour.refusals = [403];
    await expect(plan(`hf:${model}/small.gguf`, 100, options)).rejects.toMatchObject({
      code: "FORBIDDEN",
      message: expect.stringContaining("terms"),
    });
    await expect(plan(`hf:${model}/none.gguf`, 100, options)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const offline = { hub: { ...options.hub, offline: true } };
    await expect(plan(`hf:${model}`, 100, offline)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await fetchModel(`hf:${model}`, options);
    expect(await plan(`hf:${model}`, 100, offline)).toEqual(await plan(folder, 100));
    other.behaviour.status = 503;
    await expect(plan("hf:owner/unknown", 100, options)).rejects.toMatchObject({ code: "NETWORK" });
    const signal = AbortSignal.abort();
    await expect(plan(`hf:${model}`, 100, { ...options, signal })).rejects.toMatchObject({
      code: "CANCELLED",
    });
  });

  test("comes into the cache that all tools share, only what is needed, once", async () => {
    const seen = new Map<string, number>();
    const options = at(
      {},
      {
        onProgress: ({ file, done, total }) => {
          expect(done).toBeGreaterThan(seen.get(file) ?? 0);
          expect(total).toBe(files.get(file)!.length);
          seen.set(file, done);
        },
      },
    );
    const folder = await fetched(options);
    expect(folder).toBe(join(cache, "models--owner--small.model", "snapshots", COMMIT));
    isWhole(folder);
    expect([...seen.keys()].sort()).toEqual(NEEDED);
    expect(readFileSync(join(folder, "../../refs/main"), "utf8")).toBe(COMMIT);
    const link = join(folder, SHARDS[0]);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(dirname(readlinkSync(link))).toBe("../../blobs");
    const { length } = hub.asked;
    expect(length).toBe(NEEDED.length);
    expect(await fetched(options)).toBe(folder);
    expect(hub.asked).toHaveLength(length);
  });

  test("loads", async () => {
    await using loaded = await load(`hf:${model}@v1`, { ...at(), weightCache: false, workers: 0 });
    expect(loaded.config.layers).toBe(2);
  });

  test("single GGUF files, whole and in shards", async () => {
    const path = await fetched(at(), `hf:${model}/model.gguf`);
    expect(Buffer.compare(readFileSync(path), files.get("model.gguf")!)).toBe(0);
    const first = await fetched(at(), `hf:${model}/quantised/big-00002-of-00002.gguf`);
    expect(first).toMatch(/quantised\/big-00001-of-00002\.gguf$/);
    expect(readdirSync(dirname(first))).toHaveLength(2);
    await expect(fetched(at(), `hf:${model}/none.gguf`)).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("none.gguf"),
    });
  });

  test("of several GGUF files one must be named", async () => {
    await using other = await openHub(
      model,
      new Map([
        ["a.gguf", new Uint8Array(9)],
        ["b.gguf", new Uint8Array(9)],
      ]),
    );
    await expect(fetched(at({ url: other.url }))).rejects.toThrow(/one of a\.gguf, b\.gguf/);
  });
});

describe.skipIf(!hasHub)("what goes wrong", () => {
  test("connections that are cut: it goes on from where it was", async () => {
    hub.behaviour.cut = { after: 5000, times: 7 };
    isWhole(await fetched());
    const ranges = hub.asked.filter(({ path }) => path === SHARDS[0]).map(({ range }) => range);
    expect(ranges.slice(0, 3)).toEqual([undefined, "bytes=5000-", "bytes=10000-"]);
  });

  test("a hub without ranges sends all again", async () => {
    hub.behaviour.ranges = false;
    hub.behaviour.cut = { after: 5000, times: 1 };
    isWhole(await fetched());
  });

  test("busy answers are waited for, and given up", async () => {
    hub.behaviour.refusals = [429, 503];
    isWhole(await fetched());
    hub.behaviour.refusals = [503, 503, 503, 503, 503];
    await expect(fetched(at(), `hf:${model}/model.gguf`)).rejects.toMatchObject({ code: "NETWORK" });
  });

  test.each([
    ["wrong", /its hash is [0-9a-f]{64}, expected [0-9a-f]{64}/],
    ["longer", /more than the \d+ bytes/],
  ] as const)("bytes that are %s are not kept", async (kind, message) => {
    hub.behaviour[kind] = true;
    await expect(fetched()).rejects.toMatchObject({
      code: "NETWORK",
      message: expect.stringMatching(message),
    });
    expect(existsSync(join(cache, "models--owner--small.model/snapshots", COMMIT, SHARDS[0]))).toBe(false);
    hub.behaviour[kind] = false;
    isWhole(await fetched());
  });

  test.each([
    [401, "FORBIDDEN", /HF_TOKEN/],
    [403, "FORBIDDEN", /terms/],
    [404, "NOT_FOUND", /no such model/],
    [500, "NETWORK", /try again/],
  ])("status %i", async (status, code, message) => {
    hub.behaviour.status = status;
    await expect(fetched()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(fetched()).rejects.toThrow(`hf:${model}`);
  });

  test("a revision that is not there", async () => {
    await expect(fetched(at(), `hf:${model}@v9`)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("private models: the token goes to the hub alone", async () => {
    hub.behaviour.token = "hf_secret";
    await expect(fetched()).rejects.toMatchObject({ code: "FORBIDDEN" });
    vi.stubEnv("HF_TOKEN", "hf_secret");
    isWhole(await fetched());
    expect(hub.asked.filter(({ token }) => token).map(({ path }) => path)).not.toContain(SHARDS[0]);
    expect(hub.asked.filter(({ token }) => token).map(({ path }) => path)).toContain("config.json");
  });

  test("a signal ends it, and what has come stays", async () => {
    hub.behaviour.slow = true;
    const controller = new AbortController();
    const options = at(
      {},
      {
        signal: controller.signal,
        onProgress: ({ file, done }) => {
          if (file === SHARDS[0] && done > 4000) controller.abort();
        },
      },
    );
    await expect(fetched(options)).rejects.toMatchObject({ code: "CANCELLED" });
    expect(blobs().filter((name) => name.endsWith(".incomplete"))).toHaveLength(1);
    hub.behaviour.slow = false;
    isWhole(await fetched());
    expect(hub.asked.at(-2)!.range ?? hub.asked.at(-1)!.range).toMatch(/^bytes=\d{4,}-$/);
  });

  test("two calls at once share each download", async () => {
    const [one, other] = await Promise.all([fetched(), fetched()]);
    expect(one).toBe(other);
    isWhole(one);
  });
});

describe.skipIf(!hasHub)("without the hub", () => {
  test("what is in the cache is used when it may not be asked, or does not answer", async () => {
    await expect(fetched(at({ offline: true }))).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringMatching(/HF_HUB_OFFLINE/),
    });
    const folder = await fetched();
    const { count: before } = hub;
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await fetched()).toBe(folder);
    expect(await fetched(at(), `hf:${model}@${COMMIT}`)).toBe(folder);
    await expect(fetched(at(), `hf:${model}/model.gguf`)).rejects.toThrow(/model\.gguf is not there/);
    expect(hub.count).toBe(before);
    vi.stubEnv("HF_HUB_OFFLINE", "0");
    const nowhere = at({ url: "http://127.0.0.1:1" });
    expect(await fetched(nowhere)).toBe(folder);
    await expect(fetched(nowhere, "hf:owner/other")).rejects.toMatchObject({ code: "NETWORK" });
  });

  test("a model that is not whole is not loaded", async () => {
    const folder = await fetched();
    rmSync(join(folder, SHARDS[1]));
    await expect(load(`hf:${model}`, { ...at({ offline: true }), weightCache: false })).rejects.toThrow(
      SHARDS[1],
    );
  });
});

describe.skipIf(!hasHub)("a process of its own", () => {
  let script: BundledScript;
  beforeAll(async () => {
    script = await bundleScript("../../model/children/fetch.ts");
  });
  afterAll(() => script.remove());

  test("killed in the middle: the next goes on where it was", async () => {
    hub.behaviour.slow = true;
    await new Promise<void>((resolve) => {
      const child = spawn(process.execPath, [script.path, `hf:${model}`, hub.url, cache], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      child.stdout.on("data", (chunk) => {
        const found = new RegExp(`${SHARDS[0]} (\\d+)`).exec(String(chunk))?.[1];
        if (Number(found) > 5000) child.kill("SIGKILL");
      });
      child.on("close", () => resolve());
    });
    const left = blobs().filter((name) => name.endsWith(".incomplete"));
    expect(left).toHaveLength(1);
    hub.behaviour.slow = false;
    const before = hub.asked.length;
    isWhole(await fetched());
    expect(hub.asked[before]).toMatchObject({
      path: SHARDS[0],
      range: expect.stringMatching(/^bytes=\d{4,}-$/),
    });
  });

  test("a partial file with other bytes in it is found out, and fetched anew", async () => {
    const folder = await fetched();
    const blob = join(folder, readlinkSync(join(folder, SHARDS[0])));
    rmSync(join(folder, SHARDS[0]));
    rmSync(blob);
    writeFileSync(`${blob}.999999999.incomplete`, new Uint8Array(3000).fill(7));
    await expect(fetched()).rejects.toMatchObject({ code: "NETWORK" });
    isWhole(await fetched());
  });

  test("a disk that is full is said to be", async () => {
    const line = `trap '' XFSZ; ulimit -f 8; exec "$0" "$@"`;
    const args = ["-c", line, process.execPath, script.path, `hf:${model}/model.gguf`, hub.url, cache];
    const child = spawn("bash", args, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    for await (const chunk of child.stdout) output += chunk;
    expect(output).toMatch(/error DISK_FULL .*free space/);
  });
});
