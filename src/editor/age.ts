const steps: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number])[] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** How long ago, in one unit and in the user's language: `3 min. ago`, `yesterday`, `now`. */
export function ageWords(then: string, now: number, language?: string): string {
  const seconds = Math.max(0, (now - Date.parse(then)) / 1000);
  const [unit, length] = steps.find(([, one]) => seconds >= one) ?? (["second", 1] as const);
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  return unit === "second" ? format.format(0, "second") : format.format(-Math.floor(seconds / length), unit);
}
