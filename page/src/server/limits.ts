/** What this server takes, as it says itself; null until it has answered. */
import { signal } from "../app/signal";
import { endpoint } from "./address";

export type WayIn = "key" | "password";

export type Limits = {
  keys: "none" | "optional" | "required";
  signIn: readonly WayIn[];
  maxJobUploadBytes: number;
  maxAudioSeconds: number;
  maxPromptBytes: number;
  extensions: readonly string[];
  languages: readonly string[];
  /** Whether the server can tell speakers apart. */
  speakers?: boolean;
  /** The Convex deployment that lists the recordings of all of a person's devices. */
  convexUrl?: string | null;
};

export const limits = signal<Limits | null>(null);

/** Asks until the server answers: a container may be starting. Resolves to false while it does not. */
export async function readLimits(): Promise<boolean> {
  try {
    const response = await fetch(endpoint("limits"));
    if (!response.ok) return false;
    limits.set((await response.json()) as Limits);
    return true;
  } catch {
    return false;
  }
}
