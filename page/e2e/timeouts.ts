/** How long the tests in the browser wait: for a state that never comes, so far beyond what a busy machine needs. */

/** Milliseconds for one thing that a page is to show or do. */
export const LONGEST_WAIT = 120_000;

/** Milliseconds for a whole test. */
export const LONGEST_TEST = 600_000;
