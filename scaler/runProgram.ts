/** What a program does, by the word after its name; "" for none. */
export type Commands = Readonly<Record<string, () => Promise<void>>>;

/** Runs what the command line asks for: ends with 0, with 1 and one line where it fails, with 2 where there is no such command. */
export function runProgram(commands: Commands): void {
  const asked = process.argv.slice(2).join(" ");
  const run = commands[asked];
  if (!run) {
    const known = Object.keys(commands).map((name) => (name === "" ? "none" : name));
    console.error(`there is no command "${asked}"; there are: ${known.join(", ")}`);
    process.exit(2);
  }
  run().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : String(error));
      process.exit(1);
    },
  );
}
