// @ts-check
/**
 * Writes `_generated/` of the component and of the example with the templates of Convex's own CLI, which itself needs a
 * deployment for that. With `--check` it changes nothing, and fails where a file is out of date. With `--app FOLDER` it
 * writes those of another app that installs the component.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { format } from "prettier";
import { findModules } from "../dev/modules.mjs";

const web = fileURLToPath(new URL("..", import.meta.url));
const cache = path.join(web, "node_modules/.cache");
const TEMPLATES = path.join(web, "node_modules/convex/src/cli/codegen_templates");
const COMPONENT = path.join(web, "src/component");
const EXAMPLE = path.join(web, "example/convex");

mkdirSync(cache, { recursive: true });
const temporary = mkdtempSync(path.join(cache, "generate-"));
const { check: isCheck, app } = parseArgs({
  options: { check: { type: "boolean", default: false }, app: { type: "string" } },
}).values;
/** @type {string[]} */
const drifted = [];
try {
  const templates = await loadTemplates();
  if (app === undefined) await generateComponent(templates);
  await generateApp(templates, app ?? EXAMPLE);
  if (isCheck && drifted.length > 0) {
    console.error(`Out of date (${drifted.join(", ")}): run "npm run codegen".`);
    process.exitCode = 1;
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}

/** @param {string} root @param {Record<string, string>} files */
async function emit(root, files) {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, "_generated", name);
    const fresh = await format(text, { parser: "typescript" });
    if (fresh === read(file)) continue;
    drifted.push(path.relative(web, file));
    if (isCheck) continue;
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, fresh);
  }
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** The templates that we use need nothing of the rest of the CLI. @returns {import("esbuild").Plugin} */
function withoutCli() {
  return {
    name: "without-cli",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\/(lib|bundler)\// }, () => ({ path: "cli", namespace: "empty" }));
      onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "module.exports = {};" }));
    },
  };
}

/** @returns {Promise<any>} */
async function loadTemplates() {
  const names = ["api", "common", "component_server", "dataModel", "server", "validator_helpers"];
  const contents = names
    .map((name) => `export * from ${JSON.stringify(path.join(TEMPLATES, `${name}.ts`))};`)
    .join("\n");
  const outfile = path.join(temporary, "templates.mjs");
  const plugins = [withoutCli()];
  await build({
    stdin: { contents, resolveDir: web },
    outfile,
    plugins,
    bundle: true,
    format: "esm",
    platform: "node",
  });
  return await import(pathToFileURL(outfile).href);
}

/** The functions import `server.ts` and `api.ts`, so these are there before the functions are read. @param {any} t */
async function generateComponent(t) {
  const modules = findModules(COMPONENT).filter((file) => !/^(_generated\/|schema\.)/.test(file));
  const { default: definition } = await load("convex.config.ts");
  await emit(COMPONENT, {
    "server.ts": t.componentServerTS(false, definition.export().envVars ?? []),
    "dataModel.ts": t.dynamicDataModelTS(),
    "api.ts": apiTS(t, modules),
  });
  const functions = [];
  for (const file of modules) functions.push([file, await load(file)]);
  await emit(COMPONENT, { "component.ts": componentTS(t, /** @type {any} */ (functions)) });
}

/** A module of the component. @param {string} file @returns {Promise<any>} */
async function load(file) {
  const outfile = path.join(temporary, `${file}.mjs`);
  const entryPoints = [path.join(COMPONENT, file)];
  await build({ entryPoints, outfile, bundle: true, format: "esm", platform: "node", packages: "external" });
  return await import(pathToFileURL(outfile).href);
}

/** @param {any} t @param {string[]} modules */
function apiTS(t, modules) {
  const sorted = [...modules].sort(t.compareModulePaths);
  const imports = sorted.map(
    (file) => `import type * as ${t.moduleIdentifier(file)} from "../${t.importPath(file)}.js";`,
  );
  const types = sorted.map((file) => `"${t.importPath(file)}": typeof ${t.moduleIdentifier(file)},`);
  const filtered = (/** @type {string} */ name, /** @type {string} */ visibility) =>
    `${t.apiComment(name, visibility)}
    export const ${name}: FilterApi<typeof fullApi, FunctionReference<any, "${visibility}">> = anyApi as any;`;
  return `${t.header("Generated `api` utility.")}
    ${imports.join("\n")}
    import type { ApiFromModules, FilterApi, FunctionReference } from "convex/server";
    import { anyApi, componentsGeneric } from "convex/server";

    const fullApi: ApiFromModules<{ ${types.join("\n")} }> = anyApi as any;
    ${filtered("api", "public")}
    ${filtered("internal", "internal")}

    export const components = componentsGeneric() as unknown as {};`;
}

/** @param {any} t @param {Array<[string, Record<string, any>]>} functions */
function componentTS(t, functions) {
  const branches = functions.map(([file, exports]) => {
    const leaves = Object.entries(exports)
      .filter(([, fn]) => fn?.isPublic)
      .sort(([a], [b]) => t.compareStrings(a, b))
      .map(([name, fn]) => `${name}: ${reference(t, fn)},`);
    return leaves.length > 0 ? `"${t.importPath(file)}": { ${leaves.join("\n")} },` : "";
  });
  return `${t.header("Generated `ComponentApi` utility.")}
    import type { FunctionReference } from "convex/server";

    /** The functions of the component, as an app calls them: \`components.escriba\`. */
    export type ComponentApi<Name extends string | undefined = string | undefined> = { ${branches.join("\n")} };`;
}

/** @param {any} t @param {any} fn */
function reference(t, fn) {
  const kind = fn.isQuery ? "query" : fn.isMutation ? "mutation" : "action";
  const type = (/** @type {string} */ json) => t.validatorToType(t.parseValidator(json), false);
  return `FunctionReference<"${kind}", "internal", ${type(fn.exportArgs())}, ${type(fn.exportReturns())}, Name>`;
}

/** @param {any} t @param {string} folder  the folder `convex/` */
async function generateApp(t, folder) {
  const modules = findModules(folder)
    .filter((file) => !/^(_generated\/|schema\.)/.test(file))
    .sort(t.compareModulePaths);
  const api = t.apiCodegen(modules);
  const server = t.serverCodegen({ useTypeScript: false, envVars: readEnv(folder) });
  await emit(folder, {
    "api.d.ts": `${api.DTS}
      export declare const components: {
        "escriba": import("escriba/_generated/component.js").ComponentApi<"escriba">,
      };`,
    "api.js": `${api.JS.replace("{ anyApi }", "{ anyApi, componentsGeneric }")}
      export const components = componentsGeneric();`,
    "dataModel.d.ts": t.dynamicDataModelDTS(),
    "server.d.ts": server.DTS,
    "server.js": server.JS,
  });
}

/** The variables that an app declares in its `convex.config.ts`. @param {string} folder */
function readEnv(folder) {
  const names =
    readFileSync(path.join(folder, "convex.config.ts"), "utf8").match(/\b[A-Z_]{3,}(?=: (v\.|text\b))/g) ?? [];
  return names.map((name) => [name, { type: "value", value: '{"type":"string"}', optional: true }]);
}
