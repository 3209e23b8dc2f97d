// @ts-check
/** The WebSocket server of the sync protocol: one `SyncSession` for each client. */
import { WebSocketServer } from "ws";
import { pathOf } from "./http.mjs";
import { SyncSession } from "./sync.mjs";

const MAX_PAYLOAD = 64 * 1024 * 1024;

export class SyncServer {
  #backend;
  #faults;
  #sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD });
  /** @type {Set<SyncSession>} */ #sessions = new Set();

  /** @param {import("./backend.mjs").Backend} backend @param {import("./faults.mjs").Faults} faults */
  constructor(backend, faults) {
    this.#backend = backend;
    this.#faults = faults;
  }

  /** @param {import("node:http").Server} server */
  attach(server) {
    server.on("upgrade", (request, socket, head) => {
      const route = /^\/api(\/[^/]+)?\/sync$/.exec(pathOf(request));
      if (this.#faults.isAway || !route) return void socket.destroy();
      const acceptsChunks = route[1] !== undefined; // only clients that name their version in the path
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#open(ws, acceptsChunks));
    });
  }

  dropConnections() {
    for (const session of this.#sessions) session.drop();
  }

  /** @param {import("ws").WebSocket} socket @param {boolean} acceptsChunks */
  #open(socket, acceptsChunks) {
    const session = new SyncSession(this.#backend, socket, acceptsChunks);
    this.#sessions.add(session);
    socket.on("close", () => this.#sessions.delete(session));
  }
}
