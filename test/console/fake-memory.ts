/** A stand-in for Memory while the real one is written: words only. Deleted once open() works. */
import { createHash } from "node:crypto";
import { MnemeError } from "../../src/errors.ts";
import type { AddResult, Hit, Item, ItemHead, Memory, StoredItem } from "../../src/memory/types.ts";

export function fakeMemory(): Memory {
  const items = new Map<string, StoredItem>();
  const trash = new Map<string, StoredItem[]>();
  const add = async (input: Iterable<Item> | AsyncIterable<Item>, o: any): Promise<AddResult> => {
    const r = { added: 0, updated: 0, unchanged: 0, skipped: [] as any[], passages: 0, bytes: 0 };
    for await (const item of input) {
      o?.onProgress?.({ phase: "write", done: 0, total: 1, bytes: 0, totalBytes: item.text.length });
      if (item.text.trim() === "") {
        r.skipped.push({ id: item.id, code: "EMPTY", reason: "no text" });
        continue;
      }
      const contentHash = createHash("sha256").update(item.text).digest("hex");
      const old = items.get(item.id);
      if (old?.contentHash === contentHash) {
        r.unchanged++;
        continue;
      }
      old ? r.updated++ : r.added++;
      const now = Date.now();
      items.set(item.id, {
        id: item.id,
        kind: "text",
        title: item.title ?? item.id,
        meta: item.meta ?? {},
        provenance: item.provenance ?? { origin: "user" },
        owner: item.owner ?? "",
        visibility: "private",
        version: 1,
        createdAt: now,
        updatedAt: now,
        contentHash,
        passages: item.text.split(/\n\n+/).length,
        bytes: Buffer.byteLength(item.text),
        text: item.text,
      });
      r.passages += 1;
      r.bytes += item.text.length;
    }
    return r;
  };
  const hitsFor = (query: string): Hit[] => {
    const terms = query
      .toLowerCase()
      .split(/\W+/)
      .filter((t) => t.length > 2);
    const hits: Hit[] = [];
    for (const item of items.values()) {
      let at = 0;
      item.text.split(/\n\n+/).forEach((p, passage) => {
        const start = item.text.indexOf(p, at);
        at = start + p.length;
        const low = p.toLowerCase();
        const found = terms.filter((t) => low.includes(t));
        if (!found.length) return;
        const snippet = p.slice(0, 240);
        const highlights = found
          .flatMap((t) =>
            [...snippet.toLowerCase().matchAll(new RegExp(t, "g"))].map(
              (m) => [m.index, m.index + t.length] as const,
            ),
          )
          .sort((a, b) => a[0] - b[0]);
        hits.push({
          id: item.id,
          passage,
          score: found.length / terms.length / (1 + passage / 50),
          title: item.title,
          snippet,
          highlights,
          place: {
            start,
            end: at,
            line: item.text.slice(0, start).split("\n").length,
            headings: [...item.text.slice(0, start + 1).matchAll(/^#+ (.*)$/gm)].map((m) => m[1]!).slice(-2),
          },
          meta: item.meta,
          provenance: item.provenance,
          reasons: [
            { by: "words", rank: 1, score: 4.2, terms: found },
            { by: "meaning", rank: 3, score: 0.61 },
          ],
        });
      });
    }
    hits.sort((a, b) => b.score - a.score);
    hits.forEach((h, i) => {
      (h.reasons[0] as any).rank = i + 1;
    });
    return hits;
  };
  return {
    add: (input: any, o: any) =>
      add(Symbol.iterator in input || Symbol.asyncIterator in input ? input : [input], o),
    index: async () => {
      throw new Error("no");
    },
    search: async (q, { k = 10, cursor, filter } = {}) => {
      const from = Number(cursor ?? 0);
      let all = hitsFor(q);
      for (const [f, v] of Object.entries((filter as any)?.fields ?? filter ?? {}))
        if (f !== "and")
          all = all.filter((h) => ((v as any).in ? (v as any).in.includes(h.meta[f]) : h.meta[f] === v));
      all = all.filter((h, i) => all.findIndex((o) => o.id === h.id) === i);
      const hits = all.slice(from, from + k);
      return {
        hits,
        ...(all.length > from + k ? { next: String(from + k) } : {}),
        ms: 1.2,
        notes: [],
        [Symbol.iterator]: () => hits[Symbol.iterator](),
      };
    },
    async *ask(q) {
      const hits = hitsFor(q).slice(0, 3);
      let n = 0;
      for (const h of hits) {
        await new Promise((r) => setTimeout(r, 60));
        yield { type: "text", text: `${h.snippet.replace(/^#.*\n/gm, "").slice(0, 160)} ` };
        yield {
          type: "citation",
          text: `[${++n}]`,
          citation: {
            number: n,
            id: h.id,
            passage: h.passage,
            title: h.title,
            quote: h.snippet.slice(0, 120),
            place: h.place,
            provenance: h.provenance,
          },
        };
        yield { type: "text", text: " " };
      }
      yield {
        type: "done",
        text: "",
        answered: hits.length > 0,
        ...(hits.length ? {} : { reason: "No passage speaks of this." }),
        ms: 12,
      };
    },
    get: async (id) => items.get(id),
    async *list({ limit = 1e9, after = "", prefix = "" } = {}) {
      const ids = [...items.keys()]
        .sort()
        .filter((id) => id > after && id.startsWith(prefix))
        .slice(0, limit);
      for (const id of ids) {
        const { text: _, ...head } = items.get(id)!;
        yield head as ItemHead;
      }
    },
    forget: async ({ ids, all, dryRun }) => {
      if (!ids && !all) throw new MnemeError("ARGUMENT", "forget: nothing selected");
      const gone = [...items.values()].filter((i) => all || ids!.includes(i.id));
      const undo = `u${Math.floor(performance.now() * 1000)}`;
      if (!dryRun) {
        for (const i of gone) items.delete(i.id);
        trash.set(undo, gone);
      }
      return {
        items: gone.length,
        passages: gone.reduce((s, i) => s + i.passages, 0),
        bytesFreed: gone.reduce((s, i) => s + i.bytes * 2, 0),
        ids: gone.map((i) => i.id),
        ...(dryRun || !gone.length ? {} : { undo, undoUntil: Date.now() + 7 * 864e5 }),
      };
    },
    undo: async (token) => {
      const back = trash.get(token);
      if (!back) throw new MnemeError("NOT_FOUND", `undo: no ${token}`);
      for (const i of back) items.set(i.id, i);
      return { items: back.length };
    },
    stats: () => {
      const text = [...items.values()].reduce((s, i) => s + i.bytes, 0);
      const ram = [
        ["embedder", 22_400_000],
        ["vectors: codes", 9_800_000 + text],
        ["words: terms", 6_100_000],
        ["page cache", 12_000_000],
        ["facets", 1_400_000],
        ["ids", 900_000],
      ] as const;
      const disk = [
        ["items: text", 48_000_000 + text],
        ["vectors: codes", 9_800_000],
        ["vectors: full", 61_000_000],
        ["words: postings", 31_000_000],
        ["ids, log and tree", 4_000_000],
        ["free pages", 6_000_000],
      ] as const;
      return [
        ...ram.map(([structure, bytes]) => ({
          structure,
          tier: "ram" as const,
          bytes,
          share: bytes / 256e6,
        })),
        ...disk.map(([structure, bytes]) => ({ structure, tier: "disk" as const, bytes })),
      ];
    },
    info: () => ({
      location: "/home/me/library.mneme",
      writable: true,
      items: items.size,
      passages: [...items.values()].reduce((s, i) => s + i.passages, 0),
      textBytes: [...items.values()].reduce((s, i) => s + i.bytes, 0),
      segments: 3,
      tailRows: 12,
      space: { model: "mneme-embed", revision: "r1", pooling: "mean", dim: 512, normalized: true },
      budgetBytes: 256e6,
      usedBytes: 52_600_000,
      diskBytes: 159_800_000,
      freeBytes: 6e6,
      generation: 7,
      formatVersion: 1,
    }),
    facets: async (field) => {
      const counts = new Map<string, number>();
      for (const i of items.values()) {
        const v = i.meta[field];
        if (v !== undefined) counts.set(String(v), (counts.get(String(v)) ?? 0) + 1);
      }
      return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count);
    },
    snapshot: async (path) => {
      const { writeFile } = await import("node:fs/promises");
      await writeFile(path, "snapshot");
      return { path, bytes: 8 };
    },
    compact: async () => ({ bytesBefore: 10, bytesAfter: 5 }),
    reembed: async () => ({ passages: 0 }),
    idle: async () => {},
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  } as Memory;
}
