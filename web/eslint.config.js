// @ts-check
/** typescript-eslint's strict rules, React's (with those of its compiler) and Convex's. */
import convex from "@convex-dev/eslint-plugin";
import reactHooks from "eslint-plugin-react-hooks";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores(["dist", "**/_generated", "test/copied"]),
  tseslint.configs.strict,
  { files: ["src/**", "example/src/**"], extends: [reactHooks.configs.flat["recommended-latest"]] },
  { files: ["src/component/**", "example/convex/**"], extends: [convex.configs.recommended] },
  {
    rules: {
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      "@typescript-eslint/no-non-null-assertion": "off", // `noUncheckedIndexedAccess` asks for it where a length is known
    },
  },
);
