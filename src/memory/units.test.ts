import { expect, test } from "vitest";
import { formatBytes, parseBytes, parseMoment } from "./units.ts";

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

const now = Date.UTC(2025, 5, 1);

test.each([
  ["30d", now - 30 * 864e5],
  ["2025-03", Date.UTC(2025, 2, 1)],
  ["2025-03-07", Date.UTC(2025, 2, 7)],
  ["2025-03-07T10:00Z", Date.UTC(2025, 2, 7, 10)],
  ["2025-03-07 10:00:30.5+02:00", Date.UTC(2025, 2, 7, 8, 0, 30, 500)],
  [new Date(5), 5],
  [17, 17],
])("%s is a moment", (value, ms) => {
  expect(parseMoment(value, "test", now)).toBe(ms);
});

// Date makes years of them, in the zone of the machine
test.each(["7", "2025-13-01", "March 7", "7 days", "", "1e3"])("%j is none", (value) => {
  expect(() => parseMoment(value, "test", now)).toThrow(/no date/);
});
