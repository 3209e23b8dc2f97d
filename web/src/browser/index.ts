/** What a page without a framework imports from "escriba/browser"; the React hook is in `escriba/react`. */
export type { AccessToken, GetToken, TokenNeed } from "./accessTokens.js";
export { ApiError } from "./apiError.js";
export {
  type AcceptedJob,
  type ClientOptions,
  EscribaClient,
  type JobAndResult,
  type NewJob,
  type TranscriptionOptions,
  createClient,
} from "./client.js";
export type { Connection } from "./convexConnection.js";
export { type ConvexLink, type JobFunctions, linkConvex } from "./convexLink.js";
export { type Chunks, type Job, type JobError, type Status, type Transcript, isTerminal } from "./job.js";
export { type LiveEvents, type Piece, type SocketAccess, listen } from "./liveSocket.js";
export type { Problem } from "./problem.js";
export type { Transcription } from "./transcription.js";
export { Transcriptions, type TranscriptionsConfig, type TranscriptionsState } from "./transcriptions.js";
export { UploadError, type UploadTarget, upload } from "./upload.js";
