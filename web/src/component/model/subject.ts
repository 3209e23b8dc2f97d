/** The name by which the API knows an owner, where it asks for access keys: the `sub` of the owner's tokens. */
import { sha256 } from "./sha256.js";

/** What the API takes as a `sub`. */
const FORM = /^[A-Za-z0-9_.@:|+/=-]{1,128}$/;

/** Two owners never have one subject: no owner's name begins with `hash:`. */
export const subjectOf = async (owner: string): Promise<string> =>
  FORM.test(owner) ? owner : `hash:${await sha256(owner)}`;
