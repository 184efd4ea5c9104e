import pino, { type Logger } from "pino";

const STANDARD_OUTPUT = 1;

/**
 * What a program writes to its standard output, a line of JSON each; `told` is in every line. Each line is written before
 * the program goes on: whoever is killed leaves all that it said, and a program's last line is its last.
 */
export function programLog(told: Readonly<Record<string, unknown>>): Logger {
  return pino({ base: told }, pino.destination({ dest: STANDARD_OUTPUT, sync: true }));
}
