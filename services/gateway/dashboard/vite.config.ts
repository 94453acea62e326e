import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const ASSETS = new URL("../../../deploy/assets.toml", import.meta.url);

/**
 * `virtual:asset-names`: a map from ticker to name, read at build time from the list of assets
 * that the services use too.
 */
function assetNames(): Plugin {
  const id = "virtual:asset-names";
  return {
    name: "asset-names",
    resolveId: (source) => (source === id ? `\0${id}` : undefined),
    load(source) {
      if (source !== `\0${id}`) return undefined;
      const names: Record<string, string> = {};
      for (const block of readFileSync(ASSETS, "utf8").split("[[asset]]").slice(1)) {
        const ticker = /^ticker\s*=\s*"([^"]+)"/m.exec(block)?.[1];
        const name = /^name\s*=\s*"([^"]+)"/m.exec(block)?.[1];
        if (ticker && name) names[ticker] = name;
      }
      return `export default ${JSON.stringify(names)};`;
    },
  };
}

const gateway = process.env["GATEWAY_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [assetNames()],
  build: {
    target: "es2022",
    // The polyfill is an inline script, which the page's content security policy refuses.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
  },
  server: { proxy: { "/api": gateway, "/health": gateway, "/demo": gateway, "/docs": gateway } },
});
