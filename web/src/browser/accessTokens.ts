/** The tokens of a page, where the API asks for access keys: fetched when they are needed, renewed before they end. */

export type AccessToken = {
  token: string;
  /** For how many seconds it is valid. A page's clock may be wrong, so this is no time of day. */
  expiresIn: number;
  /** The user that it is for. */
  subject?: string;
};

export type TokenNeed = {
  /** The user whose job the request is about, where the page knows it. */
  subject?: string | undefined;
  /** The API has refused the request, with the token that the page had or without one. */
  isRefused: boolean;
};

/** Asks your server for a token; null where the API needs none. */
export type GetToken = (need: TokenNeed) => Promise<AccessToken | null>;

/** A token is renewed when this share of its time has passed. */
const RENEW_AT = 0.9;

/** Times are epoch milliseconds. `token` is null where none is needed. */
type Known = { token: AccessToken | null; renewAt: number; endsAt: number };

/** In memory only: what a page stores, every script of its origin can read, and a later user too. */
export class AccessTokens {
  #known = new Map<string | undefined, Known>();
  #requests = new Map<string | undefined, Promise<AccessToken | null>>();

  constructor(private readonly getToken: GetToken | undefined) {}

  /** The token for a request about a job of this user. Rejects where there should be one and is none to be had. */
  async get(subject: string | undefined): Promise<AccessToken | null> {
    const known = this.#known.get(subject);
    if (known && Date.now() < known.renewAt) return known.token;
    try {
      return await this.#fetch(subject, false);
    } catch (error) {
      if (known && Date.now() < known.endsAt) return known.token;
      throw error;
    }
  }

  /** Another token than the one that the API has refused; null where none can help. */
  async replace(subject: string | undefined, refused: AccessToken | null): Promise<AccessToken | null> {
    const newest = this.#known.get(subject)?.token ?? null;
    return newest !== refused ? newest : await this.#fetch(subject, true);
  }

  /** The user's jobs are no longer this page's. */
  forget(subject: string | undefined): void {
    this.#known.delete(subject);
  }

  /** One request at a time for each user. */
  async #fetch(subject: string | undefined, isRefused: boolean): Promise<AccessToken | null> {
    if (!this.getToken) return null;
    const request = this.#requests.get(subject) ?? this.#request(this.getToken, { subject, isRefused });
    this.#requests.set(subject, request);
    try {
      return await request;
    } finally {
      this.#requests.delete(subject);
    }
  }

  async #request(getToken: GetToken, need: TokenNeed): Promise<AccessToken | null> {
    const askedAt = Date.now();
    const token = await getToken(need);
    const lifetime = token === null ? Infinity : token.expiresIn * 1000;
    this.#known.set(need.subject, { token, renewAt: askedAt + lifetime * RENEW_AT, endsAt: askedAt + lifetime });
    return token;
  }
}
