/** Whether this page records at the moment. The first view asks it without loading the recorder. */
import { signal } from "./signal";

export const isRecording = signal(false);
