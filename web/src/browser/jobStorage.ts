/** The jobs of one browser in `localStorage`: enough to find each of them again after a reload or a crash. */

import type { TranscriptionOptions } from "./client.js";
import { randomHex } from "./random.js";

/** The fields' names are stored in browsers: an older page and a newer one read each other's jobs. */
export type StoredJob = {
  jobId: string;
  /** An upload that is repeated must send the same options, or it would be another job. */
  options: TranscriptionOptions;
  filename: string | null;
  sizeBytes: number | null;
  createdAt: number;
  /** The API knows the job. Before that there is nothing to request from it. */
  accepted: boolean;
  /** The API has received all of the audio. */
  sent: boolean;
  /** When a page last noted that it is uploading the audio; 0 when it has stopped. */
  sendingAt: number;
  /** The job has ended, as far as this browser knows. */
  ended: boolean;
  websocketUrl: string | null;
  /** Whose the job is at the API, where it asks for access keys. */
  subject?: string;
};

const MOST_JOBS = 50;

/** What `localStorage` refuses (it is forbidden, or full) stays in memory for as long as the page is open. */
export class JobStorage {
  /** Values that are newer than those in `localStorage`. */
  #memory = new Map<string, string>();

  constructor(readonly key: string) {}

  get ownerToken(): string {
    const key = `${this.key}:owner`;
    const stored = this.#read(key);
    if (stored) return stored;
    const token = randomHex(32);
    this.#write(key, token);
    return token;
  }

  /** This browser becomes that of another one's owner. */
  set ownerToken(token: string) {
    this.#write(`${this.key}:owner`, token);
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

  /** Reads again before it writes: another tab may have written in between. */
  put(job: StoredJob): void {
    const others = this.jobs().filter(({ jobId }) => jobId !== job.jobId);
    const jobs = [...others, job].sort((a, b) => b.createdAt - a.createdAt);
    this.#write(`${this.key}:jobs`, JSON.stringify(jobs.filter(({ ended }, i) => i < MOST_JOBS || !ended)));
  }

  remove(jobId: string): void {
    this.#write(`${this.key}:jobs`, JSON.stringify(this.jobs().filter((job) => job.jobId !== jobId)));
  }

  /** Calls back when another tab has written the jobs. Returns how to stop. */
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
