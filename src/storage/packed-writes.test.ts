import fc from "fast-check";
import { expect, test } from "vitest";
import type { Write } from "./batch-log.ts";
import { packWrites, unpackWrites } from "./packed-writes.ts";

const bytes = fc.uint8Array({ maxLength: 40 });
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), key: bytes, value: bytes }),
  fc.record({ kind: fc.constant("delete" as const), key: bytes }),
  fc.record({ kind: fc.constant("deleteRange" as const), start: bytes, end: bytes }),
);

test("writes come out as they went in, beside buffers that are given", () => {
  fc.assert(
    fc.property(fc.array(write), bytes, (writes, large) => {
      const lying = large.slice();
      const inside: Write[] = [0, 1].map((at) => ({
        kind: "put",
        key: Uint8Array.of(at),
        value: lying.subarray(Math.min(at, lying.length)),
      }));
      const all = [...writes, ...inside];
      const given = [lying.buffer as ArrayBuffer];
      expect(unpackWrites(packWrites(all, given), given)).toEqual(all);
    }),
    { seed: 8 },
  );
});
