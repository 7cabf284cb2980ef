import { expect, test } from "vitest";
import { formatBytes, parseBytes } from "./units.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [999.6, "1.0 KB"],
  [1_000, "1.0 KB"],
  [12_340, "12.3 KB"],
  [99_940, "99.9 KB"],
  [99_960, "100 KB"], // not "100.0 KB"
  [999_400, "999 KB"],
  [999_500, "1.0 MB"],
  [256_000_000, "256 MB"],
  [5e15, "5000 TB"],
])("formatBytes(%d) is %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test("what is formatted is read back, but for what was rounded away", () => {
  for (let bytes = 1; bytes < 1e15; bytes = Math.ceil(bytes * 1.37)) {
    const back = parseBytes(formatBytes(bytes), "test");
    expect(Math.abs(back - bytes) / bytes).toBeLessThan(0.051);
  }
});
