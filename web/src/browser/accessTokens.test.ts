/** When a page asks for a token, and when it goes on with the one that it has. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AccessTokens, type TokenNeed } from "./accessTokens";

let needs: TokenNeed[];
let answer: () => Promise<{ token: string; expiresIn: number } | null>;
const tokens = () => new AccessTokens((need) => (needs.push(need), answer()));

beforeEach(() => {
  vi.useFakeTimers({ now: 0, toFake: ["Date"] });
  needs = [];
  answer = () => Promise.resolve({ token: `est_${needs.length}`, expiresIn: 100 });
});
afterEach(() => void vi.useRealTimers());

test("requests at the same time and later ones share a token; each user has one of their own", async () => {
  const page = tokens();
  const both = await Promise.all([page.get("ana"), page.get("ana")]);
  expect([both.map((token) => token?.token), (await page.get("ana"))?.token]).toEqual([["est_1", "est_1"], "est_1"]);
  expect((await page.get("eva"))?.token).toBe("est_2");
  expect(needs).toEqual(["ana", "eva"].map((subject) => ({ subject, isRefused: false })));
});

test("a token is renewed before it ends; where that fails it serves until its end", async () => {
  const page = tokens();
  const renew = answer;
  await page.get("ana");
  vi.setSystemTime(89_999);
  expect((await page.get("ana"))?.token).toBe("est_1");
  vi.setSystemTime(90_000);
  answer = () => Promise.reject(new Error("away"));
  expect((await page.get("ana"))?.token).toBe("est_1");
  vi.setSystemTime(100_000);
  await expect(page.get("ana")).rejects.toThrow("away");
  answer = renew;
  expect((await page.get("ana"))?.token).toBe("est_4");
});

test("a refused token is replaced once, however many requests had it", async () => {
  const page = tokens();
  const refused = await page.get("ana");
  const [one, two] = await Promise.all([page.replace("ana", refused), page.replace("ana", refused)]);
  expect([one?.token, two?.token, (await page.replace("ana", refused))?.token]).toEqual(["est_2", "est_2", "est_2"]);
  expect(needs.map(({ isRefused }) => isRefused)).toEqual([false, true]);
});

test("where no token is needed the page does not ask again, until the API refuses a request", async () => {
  answer = () => Promise.resolve(null);
  const page = tokens();
  expect([await page.get(undefined), await page.get(undefined), needs.length]).toEqual([null, null, 1]);
  expect([await page.replace(undefined, null), needs.length]).toEqual([null, 2]);
});

test("a token that is forgotten is not used again", async () => {
  const page = tokens();
  await page.get("ana");
  page.forget("ana");
  expect((await page.get("ana"))?.token).toBe("est_2");
});
