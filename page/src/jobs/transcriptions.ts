/** The jobs of this page: the one truth of how far each is. */
import { Transcriptions } from "../../../web/src/browser/transcriptions";
import { tokenFor } from "../server/access";
import { apiUrl } from "../server/address";
import { currentLanguage } from "../text/language";

export const transcriptions = new Transcriptions({
  apiUrl,
  convex: null,
  storageKey: "escriba-page",
  language: currentLanguage(),
  getToken: tokenFor,
});
