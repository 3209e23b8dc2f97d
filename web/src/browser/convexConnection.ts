/** Whether Convex pushes the jobs' news at the moment, or the page has to poll the API. */
import type { ConvexLink } from "./convexLink.js";

/** `live`: Convex pushes. `connecting`: Convex will in a moment. `polling`: the page polls the API. `offline`: there is no network. */
export type Connection = "live" | "connecting" | "polling" | "offline";

/** Convex's client takes this long to notice that a connection is dead: milliseconds. */
const DETECTION_TIME = 60_000;

export class ConvexConnection {
  #isConnected = false;
  /** Convex has been away for longer than `graceMs`. */
  #isLost = false;
  /** After the network came back: the number of the connection, which may have died meanwhile. */
  #suspect: number | null = null;
  #graceTimer: ReturnType<typeof setTimeout> | undefined;
  #suspectTimer: ReturnType<typeof setTimeout> | undefined;
  #unsubscribers: Array<() => void> = [];

  constructor(
    readonly link: ConvexLink | null,
    readonly graceMs: number,
    readonly onChange: () => void,
  ) {}

  get status(): Connection {
    if (isOffline()) return "offline";
    if (!this.link || this.#isLost || this.#suspect !== null) return "polling";
    return this.#isConnected ? "live" : "connecting";
  }

  /** While this is true, the page does not poll the API. */
  get isUsable(): boolean {
    return this.status === "live" || this.status === "connecting";
  }

  start(): void {
    if (this.link) this.#unsubscribers.push(this.link.onState(() => this.#readState()));
    if (typeof addEventListener !== "undefined") {
      const online = () => this.#onOnline();
      const offline = () => this.onChange();
      addEventListener("online", online);
      addEventListener("offline", offline);
      this.#unsubscribers.push(() => {
        removeEventListener("online", online);
        removeEventListener("offline", offline);
      });
    }
    this.#readState();
  }

  stop(): void {
    this.#unsubscribers.splice(0).forEach((unsubscribe) => unsubscribe());
    this.#clearGrace();
    this.#clearSuspect();
  }

  /** Convex has answered, so its connection works. */
  confirm(): void {
    if (this.#suspect === null) return;
    this.#clearSuspect();
    this.onChange();
  }

  #readState(): void {
    if (!this.link) return;
    const { connected, connections } = this.link.state();
    this.#isConnected = connected;
    if (this.#suspect !== null && connections !== this.#suspect) this.#clearSuspect();
    if (connected) {
      this.#clearGrace();
      this.#isLost = false;
    } else {
      // Convex's client reconnects by itself: a short cut needs no polling.
      this.#graceTimer ??= setTimeout(() => {
        this.#isLost = true;
        this.onChange();
      }, this.graceMs);
    }
    this.onChange();
  }

  #onOnline(): void {
    if (this.link?.state().connected) {
      this.#suspect = this.link.state().connections;
      clearTimeout(this.#suspectTimer);
      this.#suspectTimer = setTimeout(() => this.confirm(), DETECTION_TIME);
    }
    this.onChange();
  }

  #clearGrace(): void {
    clearTimeout(this.#graceTimer);
    this.#graceTimer = undefined;
  }

  #clearSuspect(): void {
    clearTimeout(this.#suspectTimer);
    this.#suspect = null;
  }
}

const isOffline = () => typeof navigator !== "undefined" && navigator.onLine === false;
