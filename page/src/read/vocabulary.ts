/** The single names and words of a vocabulary that a person wrote down. Pure. */
export const vocabularyWords = (vocabulary: string): string[] => [
  ...new Set(
    vocabulary
      .split(/[,;.\n]+/)
      .map((word) => word.trim())
      .filter((word) => word.length > 1 && word.length <= 60),
  ),
];
