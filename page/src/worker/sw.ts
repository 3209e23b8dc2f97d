/**
 * The service worker: it keeps the page's own files, so that the page opens without a network, and sends the queue when
 * the browser wakes it. It never keeps an answer of the API, and takes over only when a page tells it to.
 */
import { sendQueue } from "./sendQueue";
import { takeShared } from "./shareTarget";

/** Put in by the build. `FIRST` is the script that the page of this build names. */
declare const FILES: readonly string[];
declare const FIRST: string;
declare const VERSION: string;

interface Waiting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Waiting {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Scope {
  registration: { scope: string };
  skipWaiting(): Promise<void>;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  addEventListener(type: "install" | "activate" | "sync", listener: (event: Waiting) => void): void;
}

const worker = globalThis as unknown as Scope;
const page = new URL(worker.registration.scope);
/** Another path of the same host may have a page and caches of its own. */
const PREFIX = `escriba-shell-${page.pathname}-`;
const CACHE = PREFIX + VERSION;
const IGNORE = { ignoreVary: true, ignoreSearch: true };

/** All or nothing. A page of another build, as while a server is being replaced, ends it; the browser tries again. */
async function install(): Promise<void> {
  const shell = await fetch(page, { headers: { accept: "text/html" }, cache: "no-cache" });
  if (!shell.ok || !(await shell.clone().text()).includes(FIRST)) throw new Error("The page is of another build.");
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((name) => new URL(`page/${name}`, page).href));
  await cache.put(page, shell);
}

async function removeOlder(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)),
  );
}

async function answer(address: URL, request: Request): Promise<Response> {
  return (await (await caches.open(CACHE)).match(address, IGNORE)) ?? fetch(request);
}

function onFetch(event: Fetching): void {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== page.origin) return;
  const isShare = request.method === "POST" && address.pathname === `${page.pathname}share-target`;
  if (isShare) event.respondWith(takeShared(request, page));
  if (request.method !== "GET") return;
  const isPage = request.mode === "navigate" && address.pathname === page.pathname;
  if (isPage) event.respondWith(answer(page, request));
  else if (address.pathname.startsWith(`${page.pathname}page/`)) event.respondWith(answer(address, request));
}

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(removeOlder()));
worker.addEventListener("fetch", onFetch);
worker.addEventListener("message", ({ data }) => void (data === "takeOver" && worker.skipWaiting()));
worker.addEventListener("sync", (event) => event.waitUntil(sendQueue(page.href)));
