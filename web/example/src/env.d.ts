interface ImportMetaEnv {
  /** The address of the Convex deployment. Without it the page polls the API. */
  readonly VITE_CONVEX_URL?: string;
  /** The address of the identity provider. Without it nobody signs in, and each browser has its own recordings. */
  readonly VITE_SIGN_IN_URL?: string;
  /** The address of the transcription API. Default: the origin of the page. */
  readonly VITE_API_URL?: string;
}
