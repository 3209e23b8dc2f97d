/** Whether Convex can be relied on for news right now, or the API has to be asked. */
import type { ConvexLink } from "./convexLink.js";

/** `live`: Convex pushes. `connecting`: it will in a moment. `polling`: the API is asked. `offline`: there is no network. */
export type Connection = "live" | "connecting" | "polling" | "offline";

/** Convex's client takes this long to notice that a connection is dead. */
const UNNOTICED_FOR = 60_000;

export class ConvexConnection {
  #connected = false;
  #lost = false; // for longer than the grace
  /** Back online on a connection that may have died meanwhile: its number. */
  #doubted: number | null = null;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #doubt: ReturnType<typeof setTimeout> | undefined;
  #stops: Array<() => void> = [];

  constructor(
    readonly link: ConvexLink | null,
    readonly graceMs: number,
    readonly changed: () => void,
  ) {}

  get connection(): Connection {
    if (isOffline()) return "offline";
    if (!this.link || this.#lost || this.#doubted !== null) return "polling";
    return this.#connected ? "live" : "connecting";
  }

  /** While this holds, nobody asks the API for anything. */
  get convexAnswers(): boolean {
    return this.connection === "live" || this.connection === "connecting";
  }

  start(): void {
    if (this.link) this.#stops.push(this.link.onState(() => this.#look()));
    if (typeof addEventListener !== "undefined") {
      const online = () => this.#cameOnline();
      const offline = () => this.changed();
      addEventListener("online", online);
      addEventListener("offline", offline);
      this.#stops.push(() => (removeEventListener("online", online), removeEventListener("offline", offline)));
    }
    this.#look();
  }

  stop(): void {
    this.#stops.splice(0).forEach((stop) => stop());
    this.#endGrace();
    this.#endDoubt();
  }

  /** Convex has said something, so its connection lives. */
  heard(): void {
    if (this.#doubted === null) return;
    this.#endDoubt();
    this.changed();
  }

  #look(): void {
    if (!this.link) return;
    const { connected, connections } = this.link.state();
    this.#connected = connected;
    if (this.#doubted !== null && connections !== this.#doubted) this.#endDoubt();
    if (connected) {
      this.#endGrace();
      this.#lost = false;
    } else {
      // Short cuts are the client's own to mend.
      this.#grace ??= setTimeout(() => {
        this.#lost = true;
        this.changed();
      }, this.graceMs);
    }
    this.changed();
  }

  #cameOnline(): void {
    if (this.link?.state().connected) {
      this.#doubted = this.link.state().connections;
      clearTimeout(this.#doubt);
      this.#doubt = setTimeout(() => this.heard(), UNNOTICED_FOR);
    }
    this.changed();
  }

  #endGrace(): void {
    clearTimeout(this.#grace);
    this.#grace = undefined;
  }

  #endDoubt(): void {
    clearTimeout(this.#doubt);
    this.#doubted = null;
  }
}

const isOffline = () => typeof navigator !== "undefined" && navigator.onLine === false;
