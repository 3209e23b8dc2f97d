export {
  ApiError,
  type AcceptedJob,
  type ClientOptions,
  type EscribaClient,
  type JobAndResult,
  type NewJob,
  type TranscriptionOptions,
  createClient,
} from "./client.js";
export { type ConvexLink, type JobFunctions, linkConvex } from "./convex.js";
export { type Chunks, type Job, type JobError, type Status, type Transcript, isTerminal } from "./job.js";
export { type LiveEvents, type Piece, listen } from "./live.js";
export type { Connection } from "./reach.js";
export type { Problem, Transcription } from "./transcription.js";
export { Transcriptions, type TranscriptionsConfig, type TranscriptionsState } from "./transcriptions.js";
export { UploadError, type UploadTarget, upload } from "./upload.js";
