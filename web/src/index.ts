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
export { type ConvexLink, type JobFunctions, linkConvex } from "./convexLink.js";
export { type Chunks, type Job, type JobError, type Status, type Transcript, isTerminal } from "./job.js";
export { type LiveEvents, type Piece, listen } from "./liveSocket.js";
export type { Connection } from "./convexConnection.js";
export type { Problem, Transcription } from "./transcription.js";
export { Transcriptions, type TranscriptionsConfig, type TranscriptionsState } from "./transcriptions.js";
export { UploadError, type UploadTarget, upload } from "./upload.js";
