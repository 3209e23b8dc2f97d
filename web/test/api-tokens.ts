/** The access keys of the API's stand-in: which tokens it gave, whose they are, and which jobs they own. */

/** The key of the API that the deployment has, where the API asks for keys. */
export const ACCESS_KEY = "esc_access";

export class ApiTokens {
  /** Whether a request needs a token, whose `sub` then owns the jobs that it makes. */
  areNeeded = false;
  /** The `sub` of each token; "" once it is refused. */
  readonly subs = new Map<string, string>();
  /** What came as authorization, or as the subprotocols of a WebSocket. */
  readonly credentials: string[] = [];
  readonly #owners = new Map<string, string>();

  /** As if the token had ended. */
  refuse(token: string): void {
    this.subs.set(token, "");
  }

  mayCome(token: string): boolean {
    return !this.areNeeded || Boolean(this.subs.get(token));
  }

  /** The job is that of the token's `sub`, unless it is somebody's already. */
  own(jobId: string, token: string): void {
    const sub = this.subs.get(token);
    if (sub !== undefined && !this.#owners.has(jobId)) this.#owners.set(jobId, sub);
  }

  isOwn(jobId: string, token: string): boolean {
    return !this.areNeeded || this.#owners.get(jobId) === this.subs.get(token);
  }

  /** What `POST /tokens` answers. */
  issue(key: string, sub: string): [status: number, answer: object] {
    if (!this.areNeeded) return [404, { error: { code: "access_off", message: "No keys." } }];
    if (key !== ACCESS_KEY) return [401, { error: { code: "key_invalid", message: "Not this key." } }];
    const token = `est_${this.subs.size + 1}`;
    this.subs.set(token, sub);
    return [201, { token, expiresAt: new Date().toISOString() }];
  }
}
