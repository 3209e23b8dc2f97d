/// <reference types="vite/client" />
/** Registers the component in an app's own tests with convex-test. */
import type { TestConvex } from "convex-test";
import type { GenericSchema, SchemaDefinition } from "convex/server";
import schema from "./component/schema.js";

const modules = import.meta.glob(["./component/**/*.ts", "!./component/**/*.test.ts"]);

/** @param name the name of the component in the app's `convex.config.ts` */
export function register(t: TestConvex<SchemaDefinition<GenericSchema, boolean>>, name = "escriba"): void {
  t.registerComponent(name, schema, modules);
}

export default { register, schema, modules };
