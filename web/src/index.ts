export { ApiError, type AcceptedJob, type EscribaClient, type JobAndResult, type NewJob, type TranscriptionOptions, createClient } from "./client";
export { type ConvexLink, type JobFunctions, linkConvex } from "./convex";
export { type Chunks, type Job, type JobError, type Status, type Transcript, isTerminal } from "./job";
export { type LiveEvents, type Piece, listen } from "./live";
export type { Connection } from "./reach";
export type { Problem, Transcription } from "./tracker";
export { Transcriptions, type TranscriptionsConfig, type TranscriptionsState } from "./transcriptions";
export { UploadError, type UploadTarget, upload } from "./upload";
