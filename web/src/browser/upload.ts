/** Sends the audio where the API said: to its own route, to S3 with a presigned POST, or to a bucket with a PUT. */

import { sentences } from "./sentences.js";

/** A PUT to `directUrl` passes the API by; then it wants to know, by the fields alone. */
export type UploadTarget = { url: string; fields: Record<string, string>; directUrl?: string };

/** `status` is 0 when there was no answer. The message is the API's own where it answered; S3 answers XML. */
export class UploadError extends Error {
  override name = "UploadError";
  readonly code: string;
  readonly hint: string | null;

  constructor(
    readonly status: number,
    body: string,
    language?: string,
  ) {
    const error = status === 0 ? null : parseError(body);
    const { connectionLost, audioRefused } = sentences(language);
    super(error?.message ?? (status === 0 ? connectionLost : audioRefused(status)));
    this.code = error?.code ?? "upload_failed";
    this.hint = error?.hint ?? null;
  }

  /** Whether an upload may succeed later, or to a new target: a target expires. */
  get isRetryable(): boolean {
    return [0, 403, 408, 410, 429].includes(this.status) || this.status >= 500;
  }
}

function parseError(body: string): { code?: string; message?: string; hint?: string } | null {
  try {
    return JSON.parse(body).error;
  } catch {
    return null;
  }
}

/**
 * Resolves when the API has all the bytes. `onProgress` gets the fraction sent, 0 to 1; outside of a browser, where
 * `fetch` reports no progress, only at the end. Rejects with `UploadError`, also where nothing was sent or answered
 * for two minutes, and with the signal's reason when the signal is aborted.
 */
export async function upload(
  target: UploadTarget,
  file: Blob,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
  language?: string,
): Promise<void> {
  const form = new FormData();
  for (const [name, value] of Object.entries(target.fields)) form.append(name, value);
  form.append("file", file, file instanceof File ? file.name : "audio"); // last: S3 ignores the fields after it
  signal.throwIfAborted();
  const isInBucket = target.directUrl ? await putIntoBucket(target.directUrl, file, onProgress, signal) : false;
  if (isInBucket)
    await send({ method: "POST", url: target.url, body: jsonOf(target.fields), language }, () => {}, signal);
  else await send({ method: "POST", url: target.url, body: form, language }, onProgress, signal);
  onProgress(1);
}

/** Whether the bucket took the file; where it did not, such as without CORS rules for this page, the API takes it. */
async function putIntoBucket(
  url: string,
  file: Blob,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    // Without a type: it would be a header that the bucket's CORS rules have to allow.
    await send({ method: "PUT", url, body: file.slice(0, file.size, "") }, onProgress, signal);
    return true;
  } catch (error) {
    if (error instanceof UploadError) return false;
    throw error;
  }
}

const jsonOf = (fields: Record<string, string>) => new Blob([JSON.stringify(fields)], { type: "application/json" });

type Sending = { method: "POST" | "PUT"; url: string; body: FormData | Blob; language?: string | undefined };

const send = (sending: Sending, onProgress: (fraction: number) => void, signal: AbortSignal): Promise<void> =>
  typeof XMLHttpRequest === "undefined" ? sendWithFetch(sending, signal) : sendWithXhr(sending, onProgress, signal);

async function sendWithFetch({ method, url, body, language }: Sending, signal: AbortSignal): Promise<void> {
  const headers: HeadersInit = language ? { "accept-language": language } : {};
  const response = await fetch(url, { method, headers, body, signal }).catch((error) => {
    signal.throwIfAborted();
    throw new UploadError(0, String(error), language);
  });
  if (!response.ok) throw new UploadError(response.status, await response.text(), language);
}

/** Milliseconds without progress and without an answer after which an upload counts as lost. */
const LONGEST_STALL = 120_000;

/** By XMLHttpRequest, because `fetch` reports no progress. */
function sendWithXhr(
  { method, url, body, language }: Sending,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const fail = (status: number, body: string) => reject(new UploadError(status, body, language));
    const abort = () => xhr.abort();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const expectProgress = () => {
      clearTimeout(timer);
      timer = setTimeout(abort, LONGEST_STALL);
    };
    xhr.open(method, url);
    if (language) xhr.setRequestHeader("accept-language", language);
    xhr.upload.onprogress = ({ lengthComputable, loaded, total }) => {
      expectProgress();
      if (lengthComputable) onProgress(Math.min(loaded / total, 0.999));
    };
    xhr.onload = () => (xhr.status >= 200 && xhr.status < 300 ? resolve() : fail(xhr.status, xhr.responseText));
    xhr.onerror = () => fail(0, "");
    xhr.onabort = () => (signal.aborted ? reject(signal.reason) : fail(0, ""));
    xhr.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    signal.addEventListener("abort", abort);
    expectProgress();
    xhr.send(body);
  });
}
