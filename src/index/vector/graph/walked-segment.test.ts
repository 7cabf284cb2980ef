import { expect, test } from "vitest";
import { madeVectors } from "../../../../test/support/made-vectors.ts";
import { int8, rabitq } from "../../../codecs/index.ts";
import { matrix } from "../../../linalg/matrix.ts";
import { contiguousRows, memorySegment } from "../../segment.ts";
import { buildIndex, hasIndex } from "../kinds.ts";
import { decodeTable, effortFor } from "../recall-table.ts";
import { FINE, type VectorCoders, vectorsKind } from "../vectors-kind.ts";

const [ROWS, DIM] = [1200, 40];

test.each(["graph", "disk-graph"] as const)(
  "a %s of which walks would take too long leaves but its table",
  async (kind) => {
    const vectors = madeVectors(ROWS, DIM, 3);
    const sample = matrix(ROWS, DIM);
    for (const [i, vector] of vectors.entries()) sample.data.set(vector, i * DIM);
    const coders: VectorCoders = {
      coarse: rabitq({ bits: 1 }).fit(sample, { seed: 1 }),
      fine: int8().fit(sample, { seed: 1 }),
    };
    const flat = vectorsKind(coders).build(vectors);
    const whole = await buildIndex(kind, flat.get(FINE)!.slice(), coders, { metric: "cosine" });
    const name = `${kind}/recall`;
    const usual = effortFor(decodeTable(whole.get(name)!, name), 10, 0.95)!;
    for (const mostEffort of [usual, usual - 1]) {
      const options = { metric: "cosine", mostEffort } as const;
      const built = await buildIndex(kind, flat.get(FINE)!.slice(), coders, options);
      const source = memorySegment(1, contiguousRows(0, ROWS), new Map([...flat, ...built]));
      expect(hasIndex(source, kind)).toBe(mostEffort === usual);
      expect([...built.keys()]).toEqual(mostEffort === usual ? [...whole.keys()] : [name]);
    }
  },
);
