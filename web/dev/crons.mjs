// @ts-check
/** The crons of the deployment: convex-test runs none. Of Convex's kinds this runs intervals only. */

/** @param {import("./backend.mjs").Backend} backend @param {(error: unknown) => void} log @returns {Promise<NodeJS.Timeout[]>} */
export async function startCrons(backend, log) {
  const crons = (await backend.modules["./crons.ts"]?.())?.default.export();
  return Object.values(JSON.parse(crons ?? "{}")).map((/** @type {any} */ { name, args: [args], schedule }) => {
    if (schedule.type !== "interval")
      throw new Error(`The local Convex runs interval crons only, not ${schedule.type}.`);
    const { seconds = 0, minutes = 0, hours = 0 } = schedule;
    const interval = Number(seconds) + 60 * Number(minutes) + 3600 * Number(hours);
    return setInterval(() => void backend.runInternal(name, args).catch(log), interval * 1000).unref();
  });
}
