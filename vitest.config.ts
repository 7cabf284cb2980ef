import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "bench/**/*.test.ts"],
    exclude: ["**/node_modules/**", "dist/**"],
    // what is kept between loads of a model is none of the user's here
    env: { XDG_CACHE_HOME: join(tmpdir(), "mneme-test-cache") },
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
