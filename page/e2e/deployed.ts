/** The page on Lambda: template.yaml on an emulator of AWS, each request an event of API Gateway for its function. */
import { spawn } from "node:child_process";
import { python, ROOT } from "./environment";

export type Deployed = {
  url: string;
  /** Until then the engine keeps its answer back. */
  letEngineAnswer(): void;
  stop(): Promise<void>;
};

/** `password` is the page's. */
export async function deploy(password: string): Promise<Deployed> {
  const child = spawn(python, ["-m", "tests.deployed_page", password], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  child.stderr.on("data", (data) => {
    output = (output + String(data)).slice(-2_000);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await Promise.race([
    new Promise<string>((resolve) => child.stdout.once("data", (data) => resolve(String(data).trim()))),
    ended.then(() => {
      throw new Error(`Nothing was deployed:\n${output}`);
    }),
  ]);
  return {
    url,
    letEngineAnswer: () => void child.stdin.write("\n"),
    stop() {
      child.stdin.end();
      return ended;
    },
  };
}
