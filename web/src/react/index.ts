/** What a page with React imports from "escriba/react": the hook, and the types of what it returns. */
export type { Connection } from "../browser/convexConnection.js";
export type { JobFunctions } from "../browser/convexLink.js";
export type { TranscriptionOptions } from "../browser/client.js";
export type { Problem } from "../browser/problem.js";
export type { Transcription } from "../browser/transcription.js";
export {
  type PersistentTranscription,
  type PersistentTranscriptionOptions,
  usePersistentTranscription,
} from "./usePersistentTranscription.js";
