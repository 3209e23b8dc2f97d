/** The client of the API, without Convex and without a page. */
import { describe, expect, test } from "vitest";
import { api, audioFile } from "../../test/page";
import { ApiError } from "./apiError";
import { createClient } from "./client";

const NOWHERE = "http://127.0.0.1:9";
const never = new AbortController().signal;

test("an error of the API keeps the API's code", async () => {
  const error = await createClient(api.url)
    .getJob(crypto.randomUUID())
    .catch((error: unknown) => error);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 404, code: "job_not_found", isJobGone: true, isRetryable: false });
});

test("an API that cannot be reached is a retryable error", async () => {
  await expect(createClient(NOWHERE).getJob("x")).rejects.toMatchObject({
    ...{ status: 0, code: "unreachable", isRetryable: true },
  });
});

test("a job is created, its audio is uploaded, and waitForEnd returns its result", async () => {
  const client = createClient(api.url);
  const jobId = crypto.randomUUID();
  const { upload } = await client.createJob({ jobId });
  await client.upload(upload!, audioFile(), () => {}, never);
  api.convexSiteUrl = null;
  await api.complete(jobId, "plain");
  expect((await client.waitForEnd(jobId)).result).toEqual({ text: "plain" });
});

describe("a request ends after its time limit", () => {
  test.each<[string, typeof api.intercept]>([
    ["when there is no answer", () => true],
    [
      "when the answer stops halfway",
      (_, response) => (response.writeHead(200, { "content-length": "9" }).write("{"), true),
    ],
  ])("%s", async (_, intercept) => {
    api.intercept = intercept;
    await expect(createClient(api.url, { timeoutMs: 100 }).getJob("x")).rejects.toMatchObject({
      ...{ status: 0, code: "timeout", isRetryable: true },
    });
  });

  test("or when the caller aborts it, with the caller's reason", async () => {
    api.intercept = () => true;
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(createClient(api.url).getJob("x", controller.signal)).rejects.toThrow("enough");
  });
});

test("error messages are in the language of the options", async () => {
  const client = createClient(NOWHERE, { language: "es-MX" });
  await expect(client.getJob("x")).rejects.toThrow("No se puede llegar al servicio.");
  await expect(client.upload({ url: NOWHERE, fields: {} }, audioFile(), () => {}, never)).rejects.toThrow(
    "No se pudo enviar el audio",
  );
  api.intercept = () => true;
  await expect(createClient(api.url, { timeoutMs: 100, language: "es" }).getJob("x")).rejects.toThrow(
    "El servicio no respondió a tiempo.",
  );
});
