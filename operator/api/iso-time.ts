/**
 * Milliseconds since 1970 as Kubernetes writes times: UTC, whole seconds. It asks no clock, so
 * the pure folders may use it. Days are counted from the 1st of March of the year 0, which puts the
 * leap day at the end of a year.
 */

const dayMs = 86_400_000;
const daysOfEra = 146_097;
const daysFromMarchOfYear0 = 719_468;

export function isoTime(ms: number): string {
  const days = Math.floor(ms / dayMs) + daysFromMarchOfYear0;
  const era = Math.floor(days / daysOfEra);
  const dayOfEra = days - era * daysOfEra;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const yearDays = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - yearDays;
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const seconds = Math.floor((((ms % dayMs) + dayMs) % dayMs) / 1_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  const clock = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${date}T${clock.map(two).join(':')}Z`;
}
