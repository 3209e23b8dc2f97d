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

describe("where the API names a bucket", () => {
  const target = () => ({ url: `${api.url}/job/x/audio`, fields: { signature: "s" }, directUrl: `${api.url}/bucket` });

  /** What each request brought; each is answered with the status of its method. */
  const record = (statuses: Record<string, number>) => {
    const seen: string[] = [];
    api.intercept = (request, response) => {
      const chunks: Buffer[] = [];
      const kind = request.headers["content-type"]?.split(";")[0] ?? "no type";
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks);
        seen.push(`${request.method} ${kind} ${kind === "application/json" ? body : body.length >= 1000}`);
        response.writeHead(statuses[request.method!] ?? 202).end();
      });
      return true;
    };
    return seen;
  };

  test("the file goes straight there, and then the API learns of it", async () => {
    const seen = record({});
    await createClient(api.url).upload(target(), audioFile(1000), () => {}, never);
    expect(seen).toEqual(["PUT no type true", 'POST application/json {"signature":"s"}']);
  });

  test("the API takes the file where the bucket refuses it", async () => {
    const seen = record({ PUT: 403 });
    await createClient(api.url).upload(target(), audioFile(1000), () => {}, never);
    expect(seen).toEqual(["PUT no type true", "POST multipart/form-data true"]);
  });

  test("an API that does not answer fails the upload, so that it is repeated", async () => {
    record({ POST: 503 });
    const upload = createClient(api.url).upload(target(), audioFile(1000), () => {}, never);
    await expect(upload).rejects.toMatchObject({ status: 503, isRetryable: true });
  });
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
