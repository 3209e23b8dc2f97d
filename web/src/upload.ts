/** Posts the audio where the API said, the same for its own route and for an S3 presigned POST. */

import { sentences } from "./sentences.js";

export type UploadTarget = { url: string; fields: Record<string, string> };

/** In the API's own words where it is the API's own route; S3 answers XML. `status` 0: there was no answer. */
export class UploadError extends Error {
  override name = "UploadError";
  readonly code: string;
  readonly hint: string | null;

  constructor(
    readonly status: number,
    body: string,
    language?: string,
  ) {
    const told = status === 0 ? null : ownWords(body);
    const { connectionLost, audioRefused } = sentences(language);
    super(told?.message ?? (status === 0 ? connectionLost : audioRefused(status)));
    this.code = told?.code ?? "upload_failed";
    this.hint = told?.hint ?? null;
  }

  /** Whether it may succeed later, or at a new place: tickets expire. */
  get passing(): boolean {
    return [0, 403, 408, 410, 429].includes(this.status) || this.status >= 500;
  }
}

function ownWords(body: string): { code?: string; message?: string; hint?: string } | null {
  try {
    return JSON.parse(body).error;
  } catch {
    return null;
  }
}

/**
 * Resolves when the bytes have arrived. `onProgress` gets the fraction sent, 0 to 1; outside of a
 * browser, where nothing tells it, only at the end. Rejects with `UploadError`, or with the
 * signal's reason when it was aborted.
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
  form.append("file", file, file instanceof File ? file.name : "audio"); // last: S3 ignores what follows it
  signal.throwIfAborted();
  if (typeof XMLHttpRequest === "undefined") await withFetch(target.url, form, signal, language);
  else await withXhr(target.url, form, onProgress, signal, language);
  onProgress(1);
}

async function withFetch(url: string, body: FormData, signal: AbortSignal, language?: string): Promise<void> {
  const headers: HeadersInit = language ? { "accept-language": language } : {};
  const response = await fetch(url, { method: "POST", headers, body, signal }).catch((error) => {
    signal.throwIfAborted();
    throw new UploadError(0, String(error), language);
  });
  if (!response.ok) throw new UploadError(response.status, await response.text(), language);
}

/** How long nothing may be sent or answered before an upload counts as lost. */
const STALLED_AFTER = 120_000;

/** fetch cannot tell how much has been sent. */
function withXhr(
  url: string,
  body: FormData,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
  language?: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const expectMore = () => {
      clearTimeout(timer);
      timer = setTimeout(abort, STALLED_AFTER);
    };
    xhr.open("POST", url);
    if (language) xhr.setRequestHeader("accept-language", language);
    xhr.upload.onprogress = ({ lengthComputable, loaded, total }) => {
      expectMore();
      if (lengthComputable) onProgress(Math.min(loaded / total, 0.999));
    };
    xhr.onload = () =>
      xhr.status >= 200 && xhr.status < 300
        ? resolve()
        : reject(new UploadError(xhr.status, xhr.responseText, language));
    xhr.onerror = () => reject(new UploadError(0, "", language));
    xhr.onabort = () => reject(signal.aborted ? signal.reason : new UploadError(0, "", language));
    xhr.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    signal.addEventListener("abort", abort);
    expectMore();
    xhr.send(body);
  });
}
