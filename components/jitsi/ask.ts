/** The command that asks a program over HTTP, inside its own container; the images carry curl. Fails above 399. */
export const askOverHttp = (port: number, path: string): readonly string[] => [
  "curl",
  "--silent",
  "--show-error",
  "--fail",
  "--max-time",
  "5",
  `http://127.0.0.1:${port}${path}`,
];
