/** A reverse proxy in front of the server, as nginx and Caddy are: below a path, which it cuts off and names. */
import { createServer, type IncomingMessage, request as ask, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";

export type Proxy = { url: string; close(): void };

/** `answer` may answer in the server's place, and returns whether it does. */
type Answer = (request: IncomingMessage, response: ServerResponse) => boolean;

/** `prefix` is empty, or begins with a slash and ends without. */
export async function startProxy(target: string, prefix: string, answer: Answer = () => false): Promise<Proxy> {
  const server = createServer((request, response) => {
    if (!request.url!.startsWith(`${prefix}/`)) return void response.writeHead(404).end("Not below the path.");
    if (!answer(request, response))
      forward(request, response, new URL(request.url!.slice(prefix.length), target), prefix);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function forward(request: IncomingMessage, response: ServerResponse, target: URL, prefix: string): void {
  const { method, headers } = request;
  const added = { "x-forwarded-prefix": prefix, "x-forwarded-host": headers.host, "x-forwarded-proto": "http" };
  const passed = ask(target, { method, headers: { ...headers, ...(prefix ? added : {}) } }, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers);
    pipeline(answer, response, () => {});
  });
  passed.once("error", () => response.destroy());
  response.once("close", () => passed.destroy());
  request.pipe(passed);
}
