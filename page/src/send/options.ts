/** The options of a new recording, as the person has chosen them. */
import { limits } from "../server/limits";
import { preferences } from "../store/preferences";

export function currentOptions() {
  const { spoken, translate, vocabulary, guard, speakers } = preferences.value;
  return {
    timestamps: ["segment", "word"],
    ...(spoken ? { language: spoken } : {}),
    ...(translate ? { task: "translate" as const } : {}),
    ...(vocabulary.trim() ? { prompt: vocabulary.trim() } : {}),
    ...(guard ? {} : { guard }),
    ...(speakers && limits.value?.speakers ? { speakers } : {}),
  };
}
