/**
 * What a command line asks for, as `read` makes it out. Where that throws, says why and how to ask, and ends the process
 * with exit code 2.
 */
export function readOptions<Options>(help: string, read: () => Options): Options {
  try {
    return read();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(2);
  }
}
