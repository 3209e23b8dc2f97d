/** What the page sends while it waits: nothing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type World, choose, shows, startWorld } from "./world";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

test("in a minute of waiting the page makes no request and sends no frame", async () => {
  const page = await world.person();
  let requests = 0;
  let frames = 0;
  let sockets: string[] = [];
  page.on("request", () => {
    requests += 1;
  });
  page.on("websocket", (socket) => {
    sockets.push(new URL(socket.url()).pathname.split("/")[1]!);
    socket.on("framesent", () => {
      frames += 1;
    });
  });
  await page.reload(); // so that the sockets are seen too
  const job = await choose(page);
  await shows(page, "talk.wav", "queued");
  await world.api.change(job, { status: "processing", progress: 10 });
  await shows(page, "talk.wav", "processing");
  await page.waitForTimeout(1_000);
  expect([requests > 0, frames > 0, new Set(sockets)]).toEqual([true, true, new Set(["api", "ws"])]); // they are counted
  requests = frames = 0;
  sockets = [];
  const asked = world.api.requests.length;
  await page.waitForTimeout(60_000);
  console.log(`in one minute of waiting: ${requests} requests, ${frames} frames sent, ${sockets.length} connections`);
  expect([requests, frames, sockets.length, world.api.requests.length - asked]).toEqual([0, 0, 0, 0]);
  await world.api.complete(job, "Worth the wait.");
  await page.getByText("Worth the wait.").waitFor();
});
