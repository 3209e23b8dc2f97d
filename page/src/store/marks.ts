/** The moments that a person marked while this page recorded, in seconds: few, so that they lie in `localStorage`. */

const nameOf = (jobId: string): string => `escriba-page:marks:${jobId}`;

export function keepMarks(jobId: string, marks: readonly number[]): void {
  try {
    if (marks.length > 0) localStorage.setItem(nameOf(jobId), JSON.stringify(marks));
  } catch (error) {
    console.warn("The browser does not keep the marks.", error);
  }
}

export function readMarks(jobId: string): readonly number[] {
  try {
    return JSON.parse(localStorage.getItem(nameOf(jobId)) ?? "[]") as number[];
  } catch {
    return [];
  }
}

export function removeMarks(jobId: string): void {
  try {
    localStorage.removeItem(nameOf(jobId));
  } catch {
    // Forbidden: there are none.
  }
}
