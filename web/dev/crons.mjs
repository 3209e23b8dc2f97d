// @ts-check
/** The crons of the deployment: convex-test runs none. Of Convex's kinds this runs intervals only. */

/** @param {import("./backend.mjs").Backend} backend @param {(error: unknown) => void} log @returns {Promise<NodeJS.Timeout[]>} */
export async function startCrons(backend, log) {
  const timers = backend.units.map(async ({ name: component, modules }) => {
    const load = modules["./crons.ts"] ?? modules["./crons.js"];
    const crons = Object.values(JSON.parse((await load?.())?.default.export() ?? "{}"));
    const prefix = component === "" ? "" : `${component}/`;
    return crons.map(({ name, args: [args], schedule }) =>
      setInterval(() => void backend.runInternal(prefix + name, args).catch(log), milliseconds(schedule)).unref(),
    );
  });
  return (await Promise.all(timers)).flat();
}

/** @param {{ type: string, seconds?: bigint, minutes?: bigint, hours?: bigint }} schedule */
function milliseconds({ type, seconds = 0n, minutes = 0n, hours = 0n }) {
  if (type !== "interval") throw new Error(`The local Convex runs interval crons only, not ${type}.`);
  return (Number(seconds) + 60 * Number(minutes) + 3600 * Number(hours)) * 1000;
}
