// @ts-check
/** The components that an app installs in its `convex.config.ts`, read as Convex's CLI reads them. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { compileOptions } from "./functions.mjs";

/** @param {string} app  the folder `convex/` @param {string} root  a folder for compiled files
 * @returns {Promise<Array<{ name: string, folder: string }>>} */
export async function findComponents(app, root) {
  const config = await evaluate(path.join(app, "convex.config.ts"), root, [definitionsByPath(root)]);
  return config._childComponents.map(
    (/** @type {[string, { componentDefinitionPath: string }]} */ [name, definition]) => ({
      name,
      folder: path.dirname(definition.componentDefinitionPath),
    }),
  );
}

/** `app.use` wants to know where a definition is and not what it says. @param {string} root @returns {import("esbuild").Plugin} */
const definitionsByPath = (root) => ({
  name: "definitions-by-path",
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /convex\.config(\.js)?$/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (kind === "entry-point" || pluginData === "resolved") return undefined;
      const found = await resolve(path, { kind, resolveDir, pluginData: "resolved" });
      return { ...found, namespace: "definition" };
    });
    onLoad({ filter: /.*/, namespace: "definition" }, async ({ path: componentDefinitionPath }) => {
      const { _name: defaultName } = await evaluate(componentDefinitionPath, root);
      return { contents: `export default ${JSON.stringify({ componentDefinitionPath, defaultName })};` };
    });
  },
});

/** The default export of a definition. @param {string} file @param {string} root @param {import("esbuild").Plugin[]} [plugins]
 * @returns {Promise<any>} */
async function evaluate(file, root, plugins = []) {
  const outfile = path.join(root, `config-${Buffer.from(file).toString("hex").slice(-40)}.mjs`);
  await build({ ...compileOptions(file), entryPoints: [file], outfile, plugins });
  return (await import(pathToFileURL(outfile).href)).default;
}
