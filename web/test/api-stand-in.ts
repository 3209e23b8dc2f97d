/**
 * A stand-in for the API on a real socket, with the routes that the page uses. A job changes only when a test changes
 * it; the stand-in then pushes the job to Convex and sends it to the watchers, in the API's format.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { Status } from "../src/job/jobVersion";
import { ApiTokens } from "./api-tokens";

type Piece = { index: number; start: number; end: number; text: string };
type Job = {
  jobId: string;
  userId?: string;
  status: Status;
  stage: string | null;
  progress: number;
  run: number;
  attempts: number;
  seq: number;
  chunks: { done: number; total: number | null };
  createdAt: string;
  updatedAt: string;
  startedAt?: string;
  completedAt?: string;
  waitingUntil?: string;
  error?: { code: string; message: string; hint?: string; retryable: boolean };
  result?: unknown;
};

export const KEY = "a-key-for-tests";
const ENDED: Status[] = ["completed", "failed", "cancelled"];

const PREFLIGHT = {
  "access-control-allow-headers": "*",
  "access-control-allow-methods": "GET, POST, DELETE",
  "access-control-max-age": "600",
};

export class ApiStandIn {
  readonly jobs = new Map<string, Job>();
  readonly audio = new Map<string, number>();
  readonly tokens = new ApiTokens();
  /** Every request except preflights, as `GET /job/…`. */
  readonly requests: string[] = [];
  /** Where the jobs are pushed to; null while they are pushed nowhere. */
  convexSiteUrl: string | null = null;
  /** Handles a request instead of the stand-in where it returns true. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null = null;
  url = "";
  #pieces = new Map<string, Piece[]>();
  #watchers = new Map<string, Set<WebSocket>>();
  #server: Server = createServer(
    (request, response) => void this.#handle(request, response).catch((error) => response.destroy(error)),
  );

  async start(): Promise<this> {
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "escriba" });
    this.#server.on("upgrade", (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (ws) => this.#addWatcher(ws, request)),
    );
    await new Promise<void>((ready) => this.#server.listen(0, "127.0.0.1", ready));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.closeSockets();
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }

  closeSockets(): void {
    for (const sockets of this.#watchers.values()) for (const socket of sockets) socket.terminate();
  }

  /** Commits a change of a job, sends it to the watchers and pushes it to Convex. */
  async change(jobId: string, change: Partial<Job>): Promise<void> {
    const job = this.#commit(jobId, change);
    this.#broadcast(jobId, { type: "state", seq: job.seq, job: viewOf(job) });
    await this.pushToConvex(jobId);
  }

  /** Commits the next piece of a job's text. */
  async addPiece(jobId: string, piece: Piece, change: Partial<Job> = {}): Promise<void> {
    const job = this.#commit(jobId, change);
    this.#pieces.set(jobId, [...(this.#pieces.get(jobId) ?? []), piece]);
    this.#broadcast(jobId, { type: "text", seq: job.seq, ...piece, job: viewOf(job) });
    await this.pushToConvex(jobId);
  }

  complete(jobId: string, text: string): Promise<void> {
    return this.change(jobId, {
      status: "completed",
      stage: null,
      progress: 100,
      completedAt: now(),
      result: { text },
    });
  }

  /** The HTTP status that Convex answers; 0 while jobs are pushed nowhere. */
  async pushToConvex(jobId: string): Promise<number> {
    if (!this.convexSiteUrl) return 0;
    const {
      createdAt,
      startedAt,
      completedAt,
      waitingUntil,
      updatedAt: _,
      attempts: __,
      ...job
    } = this.jobs.get(jobId)!;
    const ms = (time?: string) => (time ? Date.parse(time) : null);
    const timestamps = { createdAt: ms(createdAt), startedAt: ms(startedAt), completedAt: ms(completedAt) };
    const body = JSON.stringify({
      ...job,
      result: job.result ?? null,
      error: job.error ?? null,
      waitingUntil: ms(waitingUntil),
      timestamps,
    });
    const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
    return (await fetch(`${this.convexSiteUrl}/transcription-jobs`, { method: "POST", headers, body })).status;
  }

  #commit(jobId: string, change: Partial<Job>): Job {
    const job = this.jobs.get(jobId)!;
    Object.assign(job, change, { seq: job.seq + 1, updatedAt: now() });
    return job;
  }

  #broadcast(jobId: string, message: object): void {
    for (const socket of this.#watchers.get(jobId) ?? []) {
      socket.send(JSON.stringify(message));
      if (ENDED.includes(this.jobs.get(jobId)!.status)) socket.close(1000, "ended");
    }
  }

  #addWatcher(socket: WebSocket, request: IncomingMessage): void {
    const jobId = new URL(request.url!, "http://x").pathname.split("/").at(-1)!;
    const [, token = ""] = (request.headers["sec-websocket-protocol"] ?? "").split(/,\s*/);
    this.tokens.credentials.push(`WebSocket ${token}`);
    if (!this.tokens.mayCome(token)) return socket.close(4401, "no key");
    const job = this.jobs.get(jobId);
    if (!job || !this.tokens.isOwn(jobId, token)) return socket.close(4404, "unknown job");
    const watchers = this.#watchers.get(jobId) ?? new Set();
    this.#watchers.set(jobId, watchers.add(socket));
    socket.on("close", () => watchers.delete(socket));
    socket.send(
      JSON.stringify({ type: "snapshot", seq: job.seq, job: viewOf(job), pieces: this.#pieces.get(jobId) ?? [] }),
    );
    if (ENDED.includes(job.status)) socket.close(1000, "ended");
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("access-control-allow-origin", "*");
    if (request.method === "OPTIONS") return void response.writeHead(204, PREFLIGHT).end();
    const { pathname } = new URL(request.url!, "http://x");
    this.requests.push(`${request.method} ${pathname}`);
    if (this.intercept?.(request, response)) return;
    const token = (request.headers.authorization ?? "").replace("Bearer ", "");
    if (pathname === "/tokens") {
      const { sub } = JSON.parse((await body(request)).toString()) as { sub: string };
      return json(response, ...this.tokens.issue(token, sub));
    }
    if (!pathname.endsWith("/audio")) this.tokens.credentials.push(`${request.method} ${token}`);
    if (!pathname.endsWith("/audio") && !this.tokens.mayCome(token))
      return json(response, 401, { error: { code: "key_missing", message: "No key.", requestId: "r" } });
    if (pathname === "/transcribe-job")
      return this.#accept(JSON.parse((await body(request)).toString()), token, response);
    const [, jobId = "", part] = /^\/job\/([^/]+)(?:\/(audio|retry|redeliver))?$/.exec(pathname) ?? [];
    const job = this.jobs.get(jobId);
    if (!job || (part !== "audio" && !this.tokens.isOwn(jobId, token)))
      return json(response, 404, {
        error: { code: "job_not_found", message: "There is no such job.", requestId: "r" },
      });
    if (part === "audio") return await this.#receive(request, response, job);
    if (part === "redeliver") await this.pushToConvex(jobId);
    if (part === "retry")
      await this.change(jobId, {
        status: "queued",
        run: job.run + 1,
        progress: 0,
        error: undefined,
        result: undefined,
        completedAt: undefined,
      } as Partial<Job>);
    if (request.method === "DELETE" && !ENDED.includes(job.status))
      await this.change(jobId, { status: "cancelled", completedAt: now() });
    json(response, 200, job);
  }

  async #accept(job: { jobId: string; userId?: string }, token: string, response: ServerResponse): Promise<void> {
    const sub = this.tokens.subs.get(token);
    const { jobId, userId = sub } = job;
    if (sub !== undefined && userId !== sub)
      return json(response, 403, { error: { code: "user_not_yours", message: "Another user." } });
    this.tokens.own(jobId, token);
    if (!this.jobs.has(jobId)) {
      const job: Job = {
        jobId,
        ...(userId ? { userId } : {}),
        status: "pending",
        stage: "upload",
        progress: 0,
        run: 1,
        attempts: 0,
        seq: 1,
        chunks: { done: 0, total: null },
        createdAt: now(),
        updatedAt: now(),
      };
      this.jobs.set(jobId, job);
      await this.pushToConvex(jobId);
    }
    const { status } = this.jobs.get(jobId)!;
    const websocketUrl = `${this.url.replace("http", "ws")}/ws/transcription/${jobId}`;
    const upload = { url: `${this.url}/job/${jobId}/audio`, fields: { key: "a", policy: "b" }, expiresAt: now() };
    json(response, 201, { jobId, status, websocketUrl, ...(status === "pending" ? { upload } : {}) });
  }

  async #receive(request: IncomingMessage, response: ServerResponse, job: Job): Promise<void> {
    const form = await new Response(new Uint8Array(await body(request)), {
      headers: { "content-type": request.headers["content-type"]! },
    }).formData();
    if ([...form.keys()].join() !== "key,policy,file")
      return json(response, 400, { error: { code: "body_malformed", message: `fields: ${[...form.keys()]}` } });
    this.audio.set(job.jobId, (form.get("file") as File).size);
    if (job.status === "pending") await this.change(job.jobId, { status: "queued", stage: "queue" });
    response.writeHead(204).end();
  }
}

const now = () => new Date().toISOString();
const viewOf = ({ result: _, ...view }: Job) => view;
export const json = (response: ServerResponse, status: number, value: unknown) =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

async function body(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
