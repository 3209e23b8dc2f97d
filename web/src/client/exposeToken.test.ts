// @vitest-environment node
/** Which tokens a page gets from the deployment, and for whom. The API is a stand-in on a real socket. */
import type { ConvexError } from "convex/values";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { componentsGeneric } from "convex/server";
import { api } from "../../example/convex/_generated/api";
import { ApiStandIn } from "../../test/api-stand-in";
import { ACCESS_KEY } from "../../test/api-tokens";
import { type Convex, TOKEN, deployment, inComponent, jobId, message, push } from "../../test/deployment";
import type { ComponentApi } from "../component/_generated/component.js";
import { exposeApi } from "./exposeApi";

const component = componentsGeneric().escriba as unknown as ComponentApi;
const ISSUER = "https://id.example";
let service: ApiStandIn;
let t: Convex;

beforeEach(async () => {
  service = await new ApiStandIn().start();
  service.tokens.areNeeded = true;
  vi.stubEnv("ESCRIBA_API_URL", `${service.url}/`);
  vi.stubEnv("ESCRIBA_ACCESS_KEY", ACCESS_KEY);
  t = deployment();
});
afterEach(() => service.stop());

const signedIn = (subject: string, convex = t) => convex.withIdentity({ subject, issuer: ISSUER });
const codeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => "done",
    (error) => (error as ConvexError<{ code: string }>).data.code,
  );

test("a token is for the signed-in user, else for the browser by the hash of what it holds", async () => {
  expect(await signedIn("ana").action(api.jobs.token, {})).toEqual({
    ...{ token: "est_1", expiresIn: 600, subject: `user:${ISSUER}|ana` },
  });
  const anonymous = await t.action(api.jobs.token, { ownerToken: TOKEN });
  expect(anonymous?.subject).toMatch(/^token:[0-9a-f]{64}$/);
  expect([...service.tokens.subs.values()]).toEqual([`user:${ISSUER}|ana`, anonymous?.subject]);
});

test("a new row names the user whose token the API wants, in a form that the API takes", async () => {
  const { subject } = await signedIn("ana").mutation(api.jobs.create, { jobId: jobId(1) });
  expect(subject).toBe(`user:${ISSUER}|ana`);
  const strange = signedIn("ñandú ".repeat(40));
  const row = await strange.mutation(api.jobs.create, { jobId: jobId(2) });
  expect(row.subject).toMatch(/^hash:[0-9a-f]{64}$/);
  expect(await strange.action(api.jobs.token, { subject: row.subject! })).toMatchObject({ subject: row.subject });
});

test("a caller gets tokens for what it owns only: another's subject is refused, and one's own of before sign-in not", async () => {
  const before = await t.mutation(api.jobs.create, { jobId: jobId(1), ownerToken: TOKEN });
  const hers = { subject: before.subject! };
  expect(await codeOf(signedIn("eve").action(api.jobs.token, hers))).toBe("not_signed_in");
  expect(await codeOf(t.action(api.jobs.token, { ...hers, ownerToken: "o".repeat(32) }))).toBe("not_signed_in");
  expect(await codeOf(t.action(api.jobs.token, {}))).toBe("not_signed_in");
  expect(service.tokens.subs.size).toBe(0);
  expect(await signedIn("ana").action(api.jobs.token, { ...hers, ownerToken: TOKEN })).toMatchObject(hers);
});

test("no table holds a token or the key, and no log line", async () => {
  const lines: unknown[] = [];
  for (const level of ["log", "warn", "error"] as const)
    vi.spyOn(console, level).mockImplementation((...args) => void lines.push(args));
  await signedIn("ana").action(api.jobs.token, {});
  vi.stubEnv("ESCRIBA_ACCESS_KEY", "esc_revoked");
  await codeOf(signedIn("ana").action(api.jobs.token, {}));
  vi.restoreAllMocks();
  const rows = await inComponent(t, async ({ db }) =>
    Promise.all((["jobs", "owners", "alarms", "imports"] as const).map((table) => db.query(table).collect())),
  );
  expect(JSON.stringify(lines)).toContain("key_invalid");
  expect(JSON.stringify([rows, lines])).not.toMatch(/est_\d|esc_(access|revoked)/);
});

test("where the API asks for no keys, or the deployment has none, no token is needed", async () => {
  service.tokens.areNeeded = false;
  expect(await signedIn("ana").action(api.jobs.token, {})).toBeNull();
  vi.stubEnv("ESCRIBA_ACCESS_KEY", "");
  expect(await signedIn("ana").action(api.jobs.token, {})).toBeNull();
  expect(await signedIn("ana").mutation(api.jobs.create, { jobId: jobId(1) })).toEqual({ created: true });
});

test("an API that gives none or is away is an error that the page can read", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  vi.stubEnv("ESCRIBA_ACCESS_KEY", "esc_revoked");
  expect(await codeOf(signedIn("ana").action(api.jobs.token, {}))).toBe("token_unavailable");
  vi.stubEnv("ESCRIBA_API_URL", "http://127.0.0.1:9");
  expect(await codeOf(signedIn("ana").action(api.jobs.token, {}))).toBe("token_unavailable");
  vi.restoreAllMocks();
});

describe("an app's own rules", () => {
  test("its limits bound the tokens of a caller, whichever of its names they are for", async () => {
    const own = deployment(exposeApi(component, { limits: { perMinute: 2 } }));
    const ana = signedIn("ana", own);
    const ask = (ownerToken: string) => codeOf(ana.action(api.jobs.token, { ownerToken }));
    expect([await ask("a".repeat(32)), await ask("b".repeat(32)), await ask("c".repeat(32))]).toEqual([
      ...["done", "done", "rate_limited"],
    ]);
    expect(await codeOf(signedIn("eve", own).action(api.jobs.token, {}))).toBe("done");
  });

  test("all browsers without sign-in have one more bound together", async () => {
    const own = deployment(exposeApi(component, { limits: { anonymousPerMinute: 2 } }));
    const ask = (letter: string) => codeOf(own.action(api.jobs.token, { ownerToken: letter.repeat(32) }));
    expect([await ask("a"), await ask("b"), await ask("c")]).toEqual(["done", "done", "rate_limited"]);
  });

  test("without anonymous jobs there is no token without sign-in; the time of tokens is the app's", async () => {
    const own = deployment(exposeApi(component, { anonymous: false, tokenSeconds: 60 }));
    expect(await codeOf(own.action(api.jobs.token, { ownerToken: TOKEN }))).toBe("not_signed_in");
    expect(await signedIn("ana", own).action(api.jobs.token, {})).toMatchObject({ expiresIn: 60 });
  });
});

test("the API names the user by the token: its news reach the row that has the app's own label, and no other's do", async () => {
  const ana = signedIn("ana");
  const { subject } = await ana.mutation(api.jobs.create, { jobId: jobId(1), userId: "label" });
  expect(await push(t, message({ userId: `user:${ISSUER}|eve` }))).toMatchObject({ http: 403 });
  expect(await push(t, message({ userId: subject }))).toMatchObject({ http: 200, outcome: "applied" });
});
