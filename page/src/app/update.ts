/** Installs the service worker, and says when a newer page is ready: it takes over when the person says so, and not
 * while any tab records or has letters that are not stored. */
import { inLanguage } from "../text/language";
import { whileIdle } from "./busy";
import { showToast } from "./toastQueue";

const en = {
  ready: "A newer version of this page is ready.",
  take: "Use it now",
  later: "The newer version waits until the recording ends, or the text is stored.",
};
const es: typeof en = {
  ready: "Hay una versión más nueva de esta página.",
  take: "Usarla ahora",
  later: "La versión nueva espera a que termine la grabación o se guarde el texto.",
};

const text = () => inLanguage({ en, es });

export async function install(): Promise<void> {
  const isControlled = navigator.serviceWorker.controller !== null;
  const registration = await navigator.serviceWorker.register("sw.js");
  // The first one takes over nothing that is shown.
  if (isControlled) navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
  if (registration.waiting && isControlled) offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const next = registration.installing;
    next?.addEventListener("statechange", () => {
      if (next.state === "installed" && isControlled) offer(next);
    });
  });
}

function offer(next: ServiceWorker): void {
  const action = { label: () => text().take, run: () => void take(next) };
  showToast({ text: () => text().ready, action, stays: true });
}

/** Milliseconds between two looks: no event tells when another tab has ended. */
const PAUSE = 1_000;

async function take(next: ServiceWorker): Promise<void> {
  const takeOver = () => whileIdle(() => next.postMessage("takeOver"));
  if (await takeOver()) return;
  showToast({ text: () => text().later });
  const look = async () => (await takeOver()) || setTimeout(() => void look(), PAUSE);
  void look();
}
