/**
 * Whose the rows in Convex are: a secret that this browser made, or that a person brought from another device. What the
 * browser listed under an earlier secret it still sees, so that it can be deleted.
 */
import { JobStorage } from "../../../web/src/browser/jobStorage";
import { randomHex } from "../../../web/src/browser/random";
import { ROWS_TO_REMOVE } from "../jobs/deletions";
import { browserSecret, shareBrowserSecret } from "../server/password";

const KEY = "escriba:page:convex";
const PAGE = "escriba-page";
const CODE = /^([0-9a-f]{64})-([0-9a-f]{48})$/;

/** `since`: when this browser began to list its recordings; those from before are its own alone. Milliseconds. */
type Kept = { since: number; former: readonly string[] };

const storage = new JobStorage(PAGE);
let kept: Kept | null = null;

function read(): Kept {
  try {
    const text = localStorage.getItem(KEY);
    if (text) return JSON.parse(text) as Kept;
  } catch {
    // Forbidden or broken: it begins now.
  }
  return { since: Date.now(), former: [] };
}

function write(next: Kept): void {
  kept = next;
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch (error) {
    console.warn("The browser does not keep whose recordings these are.", error);
  }
}

/** When this browser began to list its recordings. */
export function begin(): number {
  if (!kept) {
    write(read());
    if (readRemovals().length === 0) writeRemovals([]);
  }
  return kept!.since;
}

/** The secret of new rows, then earlier ones. */
export const ownerTokens = (): readonly string[] => [storage.ownerToken, ...read().former];

/** Calls back when another tab has changed any of it. Returns how to stop. */
export function onPersonChange(callback: () => void): () => void {
  const listener = ({ key }: StorageEvent) => (key?.startsWith(KEY) || key === `${PAGE}:owner`) && callback();
  addEventListener("storage", listener);
  return () => removeEventListener("storage", listener);
}

/** What another device of the same person asks for. */
export const ownCode = (): string => `${storage.ownerToken}-${browserSecret()}`;

/** False where it is no code. */
export function takeCode(code: string): boolean {
  const [, owner, browser] = CODE.exec(code.trim().toLowerCase()) ?? [];
  if (!owner || !browser) return false;
  if (owner === storage.ownerToken) return true;
  changeOwner(owner);
  shareBrowserSecret(browser);
  return true;
}

/** Who has the old code sees no row that is new. */
export const renewCode = (): void => changeOwner(randomHex(32));

/** New rows get this secret from now on. */
function changeOwner(owner: string): void {
  const { since, former } = read();
  write({ since, former: [storage.ownerToken, ...former.filter((one) => one !== owner)] });
  storage.ownerToken = owner;
}

/** Deleted recordings whose rows are to be removed. */
export function readRemovals(): readonly string[] {
  try {
    return JSON.parse(localStorage.getItem(ROWS_TO_REMOVE) ?? "[]") as string[];
  } catch {
    return [];
  }
}

/** Another tab may have noted one in between. */
export const endRemoval = (jobId: string): void => writeRemovals(readRemovals().filter((id) => id !== jobId));

function writeRemovals(ids: readonly string[]): void {
  try {
    localStorage.setItem(ROWS_TO_REMOVE, JSON.stringify(ids));
  } catch (error) {
    console.warn("The browser does not keep what is to be removed.", error);
  }
}
