/** Builds and serves the demo page. */
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const resolvePath = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// REACT=18 builds the page with the older of the two supported versions.
const older = [
  { find: /^react(?=\/|$)/, replacement: resolvePath("node_modules/react-18") },
  { find: /^react-dom(?=\/|$)/, replacement: resolvePath("node_modules/react-dom-18") },
];

export default defineConfig({
  root: resolvePath("demo"),
  envDir: resolvePath("."),
  plugins: [react()],
  resolve: process.env.REACT === "18" ? { alias: older } : { dedupe: ["react", "react-dom"] },
  build: { outDir: resolvePath("dist/demo"), emptyOutDir: true },
});
