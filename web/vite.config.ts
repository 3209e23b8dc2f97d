import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// REACT=18 builds the page with the older of the two versions that are supported.
const older = [
  { find: /^react(?=\/|$)/, replacement: here("node_modules/react-18") },
  { find: /^react-dom(?=\/|$)/, replacement: here("node_modules/react-dom-18") },
];

export default defineConfig({
  root: here("demo"),
  envDir: here("."),
  plugins: [react()],
  resolve: process.env.REACT === "18" ? { alias: older } : { dedupe: ["react", "react-dom"] },
  build: { outDir: here("dist/demo"), emptyOutDir: true },
});
