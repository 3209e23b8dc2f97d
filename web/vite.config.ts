/** Builds and serves the page of the example. */
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { OWN_PACKAGE } from "./dev/source.mjs";

const resolvePath = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// REACT=18 builds the page with the older of the two supported versions.
const older = [
  { find: /^react(?=\/|$)/, replacement: resolvePath("node_modules/react-18") },
  { find: /^react-dom(?=\/|$)/, replacement: resolvePath("node_modules/react-dom-18") },
];

export default defineConfig({
  root: resolvePath("example"),
  envDir: resolvePath("."),
  plugins: [react()],
  resolve: {
    alias: [...OWN_PACKAGE, ...(process.env.REACT === "18" ? older : [])],
    ...(process.env.REACT === "18" ? {} : { dedupe: ["react", "react-dom"] }),
  },
  build: { outDir: resolvePath("dist/example"), emptyOutDir: true },
});
