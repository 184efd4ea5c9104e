const FIELDS = [
  { name: "minute", from: 0, to: 59 },
  { name: "hour", from: 0, to: 23 },
  { name: "day of month", from: 1, to: 31 },
  { name: "month", from: 1, to: 12 },
  { name: "day of week", from: 0, to: 7 },
] as const;

const DAY_MS = 86_400_000;
/** 29 February on a certain weekday comes at the latest after 40 years; so much is not looked for. */
const DAYS_LOOKED_AT = 1500;

/**
 * The first time after `after` that a cron expression of five fields means, in UTC; undefined where there is none in
 * the next four years. Restricting both the day of the month and that of the week means either, as crontab(5) has it.
 * Throws on what is no such expression.
 */
export function nextTime(expression: string, after: Date): Date | undefined {
  const parts = expression.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) throw new Error(`${expression}: five fields are needed.`);
  const [minutes, hours, days, months, weekdays] = FIELDS.map((field, index) => {
    const text = parts[index] ?? "";
    return { isAny: text.startsWith("*"), values: valuesOf(text, field) };
  });
  if (!minutes || !hours || !days || !months || !weekdays) return undefined;
  const first = new Date(Math.floor(after.getTime() / 60_000) * 60_000 + 60_000);
  const isDay = (day: Date): boolean => {
    const isDate = days.values.has(day.getUTCDate());
    const isWeekday =
      weekdays.values.has(day.getUTCDay()) || (day.getUTCDay() === 0 && weekdays.values.has(7));
    const either = days.isAny || weekdays.isAny ? isDate && isWeekday : isDate || isWeekday;
    return months.values.has(day.getUTCMonth() + 1) && either;
  };
  const midnight = Math.floor(first.getTime() / DAY_MS) * DAY_MS;
  for (let index = 0; index < DAYS_LOOKED_AT; index++) {
    const day = new Date(midnight + index * DAY_MS);
    if (!isDay(day)) continue;
    for (let minute = 0; minute < 24 * 60; minute++) {
      const time = new Date(day.getTime() + minute * 60_000);
      if (time >= first && hours.values.has(Math.floor(minute / 60)) && minutes.values.has(minute % 60))
        return time;
    }
  }
  return undefined;
}

function valuesOf(text: string, { name, from, to }: (typeof FIELDS)[number]): ReadonlySet<number> {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part);
    if (!match) throw new Error(`${part} is no ${name} of a cron expression.`);
    const [, low, high, step] = match;
    const start = Number(low ?? from);
    const end = Number(high ?? (low !== undefined && step === undefined ? low : to));
    if (start < from || end > to || start > end || step === "0")
      throw new Error(`${part}: the ${name} is from ${from} to ${to}.`);
    for (let value = start; value <= end; value += Number(step ?? 1)) values.add(value);
  }
  return values;
}
