/** The API's ETags of a text. Pure. */

/** The number of the job's last commit, with which each begins. */
export const seqOf = (etag: string | null): string | undefined => etag?.match(/\d+/)?.[0];
