/** The microphone and the sound of a tab, as streams; and why there is none, in a word that the texts know. */

export type Source = "microphone" | "tab" | "both";

export type SourceProblem = "denied" | "absent" | "busy" | "noTabSound" | "unsupported";

export class SourceUnavailable extends Error {
  constructor(readonly problem: SourceProblem) {
    super(problem);
  }
}

export const canRecord = (): boolean =>
  "MediaRecorder" in globalThis && typeof navigator.mediaDevices?.getUserMedia === "function";

/** Phones give no page the sound of another. */
export const canRecordTab = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === "function";

export const needsMicrophone = (source: Source): boolean => source !== "tab";
export const needsTab = (source: Source): boolean => source !== "microphone";

export async function openMicrophone(): Promise<MediaStream> {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { channelCount: { ideal: 1 } } });
  } catch (error) {
    throw new SourceUnavailable(problemNamed(error));
  }
}

/** A browser gives the sound of a tab only with its picture, which is let go at once. */
export async function openTab(): Promise<MediaStream> {
  const options = { video: true, audio: { suppressLocalAudioPlayback: false }, systemAudio: "include" };
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia(options as DisplayMediaStreamOptions);
  } catch (error) {
    throw new SourceUnavailable(problemNamed(error));
  }
  for (const track of stream.getVideoTracks()) {
    track.stop();
    stream.removeTrack(track);
  }
  if (stream.getAudioTracks().length === 0) throw new SourceUnavailable("noTabSound");
  return stream;
}

/** The names are those of https://www.w3.org/TR/mediacapture-streams/#dom-mediadevices-getusermedia */
function problemNamed(error: unknown): SourceProblem {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "absent";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "unsupported";
}

export const problemOf = (error: unknown): SourceProblem =>
  error instanceof SourceUnavailable ? error.problem : "unsupported";
