import { UsageError } from "./arguments";

/** Runs an operator's command to its end and exits: with its code, 1 if it failed, 2 and the help if it was asked wrongly. */
export function runCommand(main: (args: string[]) => Promise<number>, help: string): void {
  main(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : String(error));
      if (!(error instanceof UsageError)) process.exit(1);
      console.error(`\n${help}`);
      process.exit(2);
    },
  );
}
