/** Times of cron in five fields, as Auto Scaling's schedules take them: numbers or names, lists, ranges, steps. */

const months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const fields = [
  { first: 0, last: 59, names: [] },
  { first: 0, last: 23, names: [] },
  { first: 1, last: 31, names: [] },
  { first: 1, last: 12, names: months },
  { first: 0, last: 6, names: weekdays },
];
/** Days of each month; February's in a leap year. */
const LENGTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether a text is such a time. */
export const isCron = (text: string): boolean => parseCron(text) !== undefined;

/** Same for two texts that mean the same times. */
export const cronKey = (text: string): string => JSON.stringify(parseCron(text) ?? text);

/** Whether it names days that no month of its own has, such as 31 February. */
export function neverComes(text: string): boolean {
  const [, , days = [], of = [], onWeekdays = []] = parseCron(text) ?? [];
  // Either a day of the month or a weekday is enough where both are named.
  if (onWeekdays.length < weekdays.length) return false;
  return !of.some((month) => days.some((day) => day <= (LENGTHS[month - 1] ?? 0)));
}

/** The values of each field. Undefined where it cannot be read. */
function parseCron(text: string): readonly (readonly number[])[] | undefined {
  const parts = text.split(" ");
  const read = fields.map((field, index) => parseField(parts[index] ?? "", field));
  return parts.length === fields.length && read.every((values) => values !== undefined) ? read : undefined;
}

function parseField(
  text: string,
  { first, last, names }: (typeof fields)[number],
): readonly number[] | undefined {
  const numberOf = (given: string): number =>
    names.includes(given.toUpperCase()) ? names.indexOf(given.toUpperCase()) + first : Number(given);
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(?:\*|(\d{1,2}|[A-Za-z]{3})(?:-(\d{1,2}|[A-Za-z]{3}))?)(?:\/([1-9]\d?))?$/.exec(part);
    if (!match) return undefined;
    const [, from, to, step] = match;
    const begin = from === undefined ? first : numberOf(from);
    // With a step a single value is where it begins.
    const end = to === undefined ? (from === undefined || step !== undefined ? last : begin) : numberOf(to);
    if (!(begin >= first && begin <= end && end <= last)) return undefined;
    for (let value = begin; value <= end; value += Number(step ?? 1)) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}
