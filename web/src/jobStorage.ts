/** What a browser remembers of its jobs: enough to find each of them again after a reload or a crash. */

import type { TranscriptionOptions } from "./client.js";
import { randomHex } from "./random.js";

export type StoredJob = {
  jobId: string;
  /** UploadTask the audio again must ask for the same, or it would be another job. */
  options: TranscriptionOptions;
  filename: string | null;
  sizeBytes: number | null;
  createdAt: number;
  /** The API knows of the job: until then there is nothing to ask it. */
  accepted: boolean;
  /** All of the audio has been sent. */
  sent: boolean;
  /** When a page last said that it is sending the audio; 0 when it has stopped. */
  sendingAt: number;
  /** Nothing more is to come of it, as far as is known. */
  ended: boolean;
  websocketUrl: string | null;
};

const MOST_JOBS = 50;

/** What the storage does not take (it is forbidden, or full) is remembered for as long as the page lives. */
export class JobStorage {
  /** Only what is newer than in the storage. */
  #memory = new Map<string, string>();

  constructor(readonly key: string) {}

  get ownerToken(): string {
    const key = `${this.key}:owner`;
    const known = this.#read(key);
    if (known) return known;
    const token = randomHex(32);
    this.#write(key, token);
    return token;
  }

  /** Newest first. */
  jobs(): StoredJob[] {
    try {
      const jobs: unknown = JSON.parse(this.#read(`${this.key}:jobs`) ?? "[]");
      return Array.isArray(jobs) ? jobs.filter((job) => typeof job?.jobId === "string") : [];
    } catch {
      return [];
    }
  }

  /** Reads anew before it writes: another tab may have written in between. */
  put(job: StoredJob): void {
    const others = this.jobs().filter(({ jobId }) => jobId !== job.jobId);
    const jobs = [...others, job].sort((a, b) => b.createdAt - a.createdAt);
    const remembered = jobs.filter(({ ended }, place) => place < MOST_JOBS || !ended);
    this.#write(`${this.key}:jobs`, JSON.stringify(remembered));
  }

  forget(jobId: string): void {
    this.#write(`${this.key}:jobs`, JSON.stringify(this.jobs().filter((job) => job.jobId !== jobId)));
  }

  /** Calls back when another tab has changed what is kept. */
  onChange(callback: () => void): () => void {
    if (typeof addEventListener === "undefined") return () => {};
    const listener = ({ key }: StorageEvent) => key === `${this.key}:jobs` && callback();
    addEventListener("storage", listener);
    return () => removeEventListener("storage", listener);
  }

  #read(key: string): string | null {
    const unwritten = this.#memory.get(key);
    if (unwritten !== undefined) return unwritten;
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  #write(key: string, value: string): void {
    try {
      localStorage.setItem(key, value);
      this.#memory.delete(key);
    } catch {
      this.#memory.set(key, value);
    }
  }
}
