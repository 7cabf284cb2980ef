import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "vite";

/** Builds the console into dist/web, where the server looks for it. `vite web` develops it against a running server. */
const config: UserConfig = defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  build: {
    outDir: fileURLToPath(new URL("../dist/web", import.meta.url)),
    emptyOutDir: true,
    target: ["chrome123", "firefox121", "safari17.5"],
    cssTarget: ["chrome123", "firefox121", "safari17.5"],
    modulePreload: { polyfill: false },
    // Inlined data: URLs would be refused by the content security policy.
    assetsInlineLimit: 0,
  },
  server: { proxy: { "/v1": "http://127.0.0.1:4747" } },
});

export default config;
