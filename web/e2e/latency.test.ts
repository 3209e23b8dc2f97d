/** How long after the API has told Convex a person sees it. Over Convex alone: the API's own socket says nothing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type World, choose, recording, shows, startWorld } from "./world";

const SAMPLES = 50;
let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

test("completed in the API → on the screen: median 100 ms at most, worst of 50 one second", async () => {
  world.api.isSilent = true;
  const page = await world.person();
  const times: number[] = [];
  for (let i = 0; i < SAMPLES; i += 1) {
    const job = await choose(page);
    await shows(page, "talk.wav", "queued");
    const text = `Sample ${i}.`;
    const begun = performance.timeOrigin + performance.now();
    await world.api.complete(job, text);
    const shown = await page.waitForFunction(
      ([job, text]) => window.paints.find((paint) => paint.job === job && paint.text === text)?.at,
      [job, text] as const,
    );
    times.push(Number(await shown.jsonValue()) - begun);
    await recording(page).getByRole("button", { name: "Delete" }).click();
    await page.getByText("Nothing here yet.").waitFor();
  }
  times.sort((a, b) => a - b);
  const [median, worst] = [times[SAMPLES / 2]!, times.at(-1)!];
  console.log(
    `completed in the API → on the screen, ${SAMPLES} times: median ${median.toFixed(0)} ms, worst ${worst.toFixed(0)} ms`,
  );
  expect(median).toBeLessThanOrEqual(100);
  expect(worst).toBeLessThanOrEqual(1000);
});
