/** How long after the API has completed a job a person sees it: real API, local Convex, real browser. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RealWorld, apiIsThere, chooseRecording, startRealWorld } from "./process";
import { recording } from "./world";

const SAMPLES = 50;

describe.skipIf(!apiIsThere)("with the real API", () => {
  let world: RealWorld;
  beforeAll(async () => {
    world = await startRealWorld();
  });
  afterAll(() => world.close());

  // Again where others kept the machine busy just then.
  test(
    "completed in the API → on the screen: median 100 ms at most, worst of 50 one second",
    { retry: 2 },
    async () => {
      const page = await world.person();
      await page.routeWebSocket(/\/ws\/transcription\//, () => {}); // the API's own socket says nothing: Convex alone
      await page.reload();
      await world.engine({ default: { delay: 0.2 } });
      const times: number[] = [];
      for (let i = 0; i < SAMPLES; i += 1) {
        const job = await chooseRecording(page);
        const shown = await page.waitForFunction(
          (job) => window.paints.find((paint) => paint.job === job && paint.status === "completed" && paint.text)?.at,
          job,
          { polling: 50 },
        );
        const { completedAt } = await world.job(job);
        times.push(Number(await shown.jsonValue()) - Date.parse(completedAt));
        await recording(page, "english-short.wav").getByRole("button", { name: "Delete" }).click();
        await page.getByText("Nothing here yet.").waitFor();
      }
      times.sort((a, b) => a - b);
      const [least, median, worst] = [times[0]!, times[SAMPLES / 2]!, times.at(-1)!];
      console.log(
        `completed in the API → on the screen, ${SAMPLES} times: median ${median.toFixed(0)} ms, worst ${worst.toFixed(0)} ms`,
      );
      expect(least).toBeGreaterThan(0); // one clock for both
      expect(median).toBeLessThanOrEqual(100);
      expect(worst).toBeLessThanOrEqual(1000);
    },
  );
});
