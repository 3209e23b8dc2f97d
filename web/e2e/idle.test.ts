/** An idle page sends nothing: real API, local Convex, real browser. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { shows } from "./environment";
import { FILE, type RealEnvironment, chooseRecording, hasApi, startRealEnvironment } from "./real-api";

/** `make bench-page` waits for a minute, as the README says. */
const SECONDS = Number(process.env.IDLE_SECONDS ?? 20);

describe.skipIf(!hasApi)("with the real API", () => {
  let environment: RealEnvironment;
  beforeAll(async () => {
    environment = await startRealEnvironment();
  });
  afterAll(() => environment.close());

  test("a page that waits makes no request and sends no frame", async () => {
    await environment.controlEngine({ default: { hang: true } });
    const page = await environment.openPage();
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
    await page.reload(); // the page opens its sockets again, and the listeners count them
    const job = await chooseRecording(page);
    await shows(page, FILE, "processing");
    await expect.poll(() => new Set(sockets)).toEqual(new Set(["api", "ws"]));
    expect([requests > 0, frames > 0]).toEqual([true, true]); // they count
    const counts = () => String([requests, frames, sockets.length]);
    let before = "";
    const isQuiet = () => before === (before = counts());
    await expect.poll(isQuiet, { interval: 2_000 }).toBe(true);
    requests = frames = 0;
    sockets = [];
    await page.waitForTimeout(SECONDS * 1_000);
    console.log(
      `in ${SECONDS} seconds of waiting: ${requests} requests, ${frames} frames sent, ${sockets.length} connections`,
    );
    expect([requests, frames, sockets.length]).toEqual([0, 0, 0]);
    await fetch(`${environment.apiUrl}/job/${job}`, { method: "DELETE" }); // elsewhere: the page hears of it
    await shows(page, FILE, "cancelled");
  });
});
