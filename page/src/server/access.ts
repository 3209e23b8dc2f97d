/** What the page sends to a server that asks who it is: an access key, or a token that the page's password was sent for. */
import { signal } from "../app/signal";
import { endpoint } from "./address";
import type { WayIn } from "./limits";
import { renewToken, tokenByPassword } from "./password";

const NAME = "escriba:page:key";

/** Milliseconds between two tokens of a browser, each of which is valid for half a day. */
const RENEW_EVERY = 3_600_000;
const LOOKS_LIKE_KEY = /^es[ct]_/;
const IS_TOKEN = /^est_/;

type Access = {
  key: string | null;
  /** The server said that it does not know this key, or that it has ended. */
  isRefused: boolean;
  /** What the key allows; null until the server has said it. */
  scopes: readonly string[] | null;
};

export type Refusal = { kind: "wrong" | "away" } | { kind: "tooMany"; seconds: number };

function read(): string | null {
  try {
    return sessionStorage.getItem(NAME) ?? localStorage.getItem(NAME);
  } catch {
    return null;
  }
}

export const access = signal<Access>({ key: read(), isRefused: false, scopes: null });

/** Whether what the page sends allows it; true where the server has not said what it allows. */
export const allows = ({ scopes }: Access, scope: "read" | "transcribe"): boolean => scopes?.includes(scope) ?? true;

let given: string | null = null;

/** For the client of `web/`. A refused key leads to the sign-in, unless there is a newer one by now. */
export async function tokenFor({ isRefused }: { isRefused: boolean }) {
  const { key } = access.value;
  if (isRefused && key === given) {
    refuse();
    return null;
  }
  given = key;
  return key ? { token: key, expiresIn: IS_TOKEN.test(key) ? 600 : 3_600 } : null;
}

export const authorization = (): Record<string, string> =>
  access.value.key ? { authorization: `Bearer ${access.value.key}` } : {};

/** Resolves to why not; null where the person is in. */
export async function signIn(secret: string, isRemembered: boolean, ways: readonly WayIn[]): Promise<Refusal | null> {
  const isPassword = ways.includes("password") && !LOOKS_LIKE_KEY.test(secret);
  const answer = isPassword ? await tokenByPassword(secret) : null;
  if (answer?.kind === "token") return enter(answer.token, isRemembered);
  if (answer && !ways.includes("key")) return answer;
  const asKey = await enter(secret, isRemembered);
  return asKey?.kind === "wrong" && answer ? answer : asKey;
}

async function enter(key: string, isRemembered: boolean): Promise<Refusal | null> {
  const scopes = await readScopes(key);
  if (typeof scopes === "string") return { kind: scopes };
  store(key, isRemembered);
  access.set({ key, isRefused: false, scopes });
  return null;
}

async function readScopes(key: string): Promise<readonly string[] | "wrong" | "away"> {
  try {
    const response = await fetch(endpoint("tokens"), { headers: { authorization: `Bearer ${key}` } });
    if (response.status === 401 || response.status === 403) return "wrong";
    return response.ok ? ((await response.json()) as { scopes: string[] }).scopes : "away";
  } catch (error) {
    return error instanceof TypeError && /[^\u0000-\u00ff]/.test(key) ? "wrong" : "away"; // no header can hold it
  }
}

/** What the kept key allows; and a browser's next token, now and each hour. Returns the end of it. */
export function keepAccess(): () => void {
  const { key } = access.value;
  if (!key) return () => {};
  if (!IS_TOKEN.test(key)) {
    if (!access.value.scopes) void learnScopes(key);
    return () => {};
  }
  void renew();
  const timer = setInterval(() => void renew(), RENEW_EVERY);
  return () => clearInterval(timer);
}

async function learnScopes(key: string): Promise<void> {
  const scopes = await readScopes(key);
  if (scopes === "wrong") refuse();
  else if (scopes !== "away" && access.value.key === key) access.set({ ...access.value, scopes });
}

async function renew(): Promise<void> {
  const { key } = access.value;
  if (!key) return;
  const answer = await renewToken(key);
  if (access.value.key !== key) return;
  if (answer.kind === "wrong") return refuse();
  if (answer.kind !== "token") return;
  store(answer.token, isKept());
  access.set({ key: answer.token, isRefused: false, scopes: answer.scopes });
}

const refuse = () => access.set({ ...access.value, isRefused: true });

export function signOut(): void {
  store(null, false);
  access.set({ key: null, isRefused: false, scopes: null });
}

function isKept(): boolean {
  try {
    return localStorage.getItem(NAME) !== null;
  } catch {
    return false;
  }
}

function store(key: string | null, isRemembered: boolean): void {
  try {
    for (const storage of [sessionStorage, localStorage]) storage.removeItem(NAME);
    if (key) (isRemembered ? localStorage : sessionStorage).setItem(NAME, key);
  } catch {
    // Forbidden: it holds while the page is open.
  }
}
