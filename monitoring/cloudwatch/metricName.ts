import { MEASUREMENT } from "../telegraf/rules";

/** What Telegraf calls a metric in CloudWatch: the measurement, and the field. */
export const metricName = (name: string): string => `${MEASUREMENT}_${name}`;
