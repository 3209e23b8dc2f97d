/** A server at work for the tests of the dashboard: clients with keys, an engine with a quota, webhooks that fail. */
import { execFileSync, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer as createReceiver } from "node:http";
import { expect } from "vitest";
import { python, recording, ROOT, type Server, startServer } from "./environment";

export const ADMIN_KEY = "a-key-that-only-this-test-knows-0123456789";

export type Engine = { url: string; command: (command: object) => Promise<void>; stop: () => void };

export type Receiver = { url: string; stop: () => void };

/** The stand-in for Groq of the Python tests, as a program. */
export async function startEngine(): Promise<Engine> {
  const child = spawn(python, ["-m", "tests.upstream"], { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise<string>((resolve) => child.stdout.once("data", (line) => resolve(String(line).trim())));
  const command = async (body: object) => {
    await fetch(new URL("/_control", url), { method: "POST", body: JSON.stringify(body) });
  };
  return { url, command, stop: () => child.kill() };
}

/** Answers each webhook with the status that its path names. */
export async function startReceiver(): Promise<Receiver> {
  const server = createReceiver((request, response) => {
    request.resume();
    response.writeHead(Number(request.url!.slice(1)), { "retry-after": "3000" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() };
}

export const startAtWork = (engine: Engine): Promise<Server> =>
  startServer(
    {
      ADMIN_KEY,
      GROQ_BASE_URL: engine.url,
      GROQ_API_KEY: "gsk_of_the_stand_in",
      QUOTA_REQUESTS_PER_MINUTE: "600",
      JOBS_AT_ONCE: "3",
      CACHE_MB: "0",
      CALLBACK_SECRET: "s".repeat(32),
      CALLBACK_PRIVATE_ADDRESSES: "true",
    },
    ROOT,
    "tests/traced_server.py",
  );

/** The rows of a query to the server's database, read beside the server. */
export function query(server: Server, sql: string): unknown[][] {
  const script =
    "import sqlite3, sys, json; print(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))";
  return JSON.parse(
    execFileSync("python3", ["-c", script, `${server.folder}/escriba.sqlite3`, sql], { encoding: "utf8" }),
  ) as unknown[][];
}

export const number = (server: Server, sql: string): number => Number(query(server, sql)[0]?.[0] ?? 0);

export class Client {
  private constructor(
    private readonly url: string,
    readonly keyId: string,
    readonly name: string,
    private readonly key: string,
  ) {}

  static async make(server: Server, name: string): Promise<Client> {
    const made = await fetch(`${server.url}/admin/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ name }),
    });
    const { keyId, key } = (await made.json()) as { keyId: string; key: string };
    return new Client(server.url, keyId, name, key);
  }

  async post(path: string, fields: Record<string, string> = {}, file?: Uint8Array): Promise<Response> {
    const form = new FormData();
    const speech = file ?? (await readFile(recording("english-short.wav")));
    form.append("file", new Blob([speech as Uint8Array<ArrayBuffer>]), "speech.wav");
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    return fetch(`${this.url}/${path}`, { method: "POST", body: form, headers: this.headers });
  }

  /** Resolves to the job's id. */
  async submit(fields: Record<string, string> = {}): Promise<string> {
    const answer = await this.post("transcribe-job", fields);
    expect(answer.status).toBe(202);
    return ((await answer.json()) as { jobId: string }).jobId;
  }

  async cancel(jobId: string): Promise<void> {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    await fetch(`${this.url}/admin/jobs/${jobId}/cancel`, { method: "POST", headers });
  }

  private get headers() {
    return { authorization: `Bearer ${this.key}` };
  }
}

/** A 429 of the engine, and an answer that no try makes good. */
export const rateLimited = (seconds: number) => ({
  status: 429,
  body: { error: { message: "Rate limit reached", type: "seconds", code: "rate_limit_exceeded" } },
  headers: { "retry-after": String(seconds) },
});
export const badKey = { status: 401, body: { error: { message: "Invalid API Key", code: "invalid_api_key" } } };

/** Dozens of jobs of all clients at once: some fail, some are cancelled, webhooks fail, all wait for the engine once. */
export async function work(clients: readonly Client[], engine: Engine, receiver: Receiver): Promise<void> {
  const slow = { delay: 5 }; // longer than a dashboard takes to look again, and so is the wait after the 429
  await engine.command({ script: [badKey, badKey, slow, slow, slow, rateLimited(6)], default: { delay: 0.2 } });
  await Promise.all(
    clients.map(async (client, i) => {
      await client.submit({ callbackUrl: `${receiver.url}/503` });
      if (i === 0) await client.submit({ callbackUrl: `${receiver.url}/410` });
      const many = await Promise.all(Array.from({ length: 9 }, () => client.submit()));
      await client.cancel(many.at(-1)!);
      expect((await client.post("transcribe", {}, new TextEncoder().encode("no recording"))).status).toBe(415);
    }),
  );
}
