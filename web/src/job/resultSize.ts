/** Where a transcript is stored: in a document while it is small, in a file above. */

/** Bytes. A document may have 1 MiB, and every page that watches the job receives all of it. */
export const LARGEST_INLINE_RESULT = 256 * 1024;

export const isInline = (resultJson: string): boolean => new Blob([resultJson]).size <= LARGEST_INLINE_RESULT;
