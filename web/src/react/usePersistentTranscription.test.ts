import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, test, vi } from "vitest";
import { MemoryStorage } from "../../test/memory-storage";
import { JobStorage } from "../browser/jobStorage";
import { usePersistentTranscription } from "./usePersistentTranscription";

function Page() {
  const { jobs, connection } = usePersistentTranscription({ apiUrl: "http://127.0.0.1:9" });
  return createElement("p", null, `${jobs.length} jobs, ${connection}`);
}

// React hydrates only where the browser's first rendering equals the HTML of the server.
test("a server renders no jobs, whatever is in a localStorage", () => {
  vi.stubGlobal("localStorage", new MemoryStorage());
  new JobStorage("escriba").put({
    ...{ jobId: crypto.randomUUID(), options: {}, filename: null, sizeBytes: null, createdAt: 1 },
    ...{ accepted: true, sent: true, sendingAt: 0, ended: false, websocketUrl: null },
  });
  expect(renderToString(createElement(Page))).toBe("<p>0 jobs, connecting</p>");
});
