/** What the page sends while it waits: nothing. Real API, local Convex, real browser. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RealEnvironment, apiIsThere, chooseRecording, startRealEnvironment } from "./real-api";
import { recording, shows } from "./environment";

const FILE = "english-short.wav";
/** `make bench-page` waits for a minute, as the README says. */
const SECONDS = Number(process.env.IDLE_SECONDS ?? 20);

describe.skipIf(!apiIsThere)("with the real API", () => {
  let world: RealEnvironment;
  beforeAll(async () => {
    world = await startRealEnvironment();
  });
  afterAll(() => world.close());

  test("while it waits the page makes no request and sends no frame", async () => {
    await world.engine({ script: [{ delay: SECONDS + 6 }] });
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
    await chooseRecording(page);
    await shows(page, FILE, "processing");
    await page.waitForTimeout(2_000);
    expect([requests > 0, frames > 0, new Set(sockets)]).toEqual([true, true, new Set(["api", "ws"])]); // they are counted
    requests = frames = 0;
    sockets = [];
    await page.waitForTimeout(SECONDS * 1_000);
    console.log(
      `in ${SECONDS} seconds of waiting: ${requests} requests, ${frames} frames sent, ${sockets.length} connections`,
    );
    expect([requests, frames, sockets.length]).toEqual([0, 0, 0]);
    await recording(page, FILE).locator("blockquote", { hasText: "heard" }).waitFor();
    await shows(page, FILE, "completed");
  });
});
