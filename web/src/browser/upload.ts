/** Posts the audio to the address that the API gave: to its own route, or to S3 with a presigned POST. */

import { sentences } from "./sentences.js";

export type UploadTarget = { url: string; fields: Record<string, string> };

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
  if (typeof XMLHttpRequest === "undefined") await postWithFetch(target.url, form, signal, language);
  else await postWithXhr(target.url, form, onProgress, signal, language);
  onProgress(1);
}

async function postWithFetch(url: string, body: FormData, signal: AbortSignal, language?: string): Promise<void> {
  const headers: HeadersInit = language ? { "accept-language": language } : {};
  const response = await fetch(url, { method: "POST", headers, body, signal }).catch((error) => {
    signal.throwIfAborted();
    throw new UploadError(0, String(error), language);
  });
  if (!response.ok) throw new UploadError(response.status, await response.text(), language);
}

/** Milliseconds without progress and without an answer after which an upload counts as lost. */
const LONGEST_STALL = 120_000;

/** By XMLHttpRequest, because `fetch` reports no progress. */
function postWithXhr(
  url: string,
  body: FormData,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
  language?: string,
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
    xhr.open("POST", url);
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
