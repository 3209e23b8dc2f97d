interface ImportMetaEnv {
  /** The Convex deployment. Without it the page asks the API instead. */
  readonly VITE_CONVEX_URL?: string;
  /** The transcription API. Default: where the page came from. */
  readonly VITE_API_URL?: string;
}
