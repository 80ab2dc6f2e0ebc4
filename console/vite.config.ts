import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the control API; `mock` answers from invented data instead. */
const target = process.env.PENSTOCK_CONSOLE_URL ?? "http://127.0.0.1:4180";

export default defineConfig(({ command }) => ({
  plugins: [
    react(),
    command === "serve" && target === "mock"
      ? import("./src/test/mock-server").then((mock) => mock.mockServer())
      : null,
  ],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: {
    host: "127.0.0.1",
    port: 4181,
    proxy: target === "mock" ? undefined : { "/api": { target, changeOrigin: true } },
  },
  build: {
    target: "es2022",
    sourcemap: false,
    // No inlined assets: the content security policy then needs no `data:` sources for fonts.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    rollupOptions: {
      output: {
        manualChunks(id: string) {
          if (id.includes("node_modules/echarts") || id.includes("node_modules/zrender")) return "charts";
          if (id.includes("node_modules/@mantine") || id.includes("node_modules/@floating-ui"))
            return "mantine";
          if (/node_modules\/(react|react-dom|scheduler|@tanstack)\//.test(id)) return "react";
          return undefined;
        },
      },
    },
  },
  test: {
    environment: "jsdom",
    // One thread, which loads React, Mantine and jsdom once: to load them for each file took six times as long as the
    // tests do. More threads without isolation would give each file a new `document` below modules of the old one.
    pool: "threads",
    isolate: false,
    poolOptions: { threads: { singleThread: true } },
    setupFiles: ["./src/test/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    css: false,
    testTimeout: 30_000,
    restoreMocks: true,
    unstubGlobals: true,
    env: { TZ: "UTC" },
  },
}));
