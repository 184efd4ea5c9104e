import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { z } from "zod";
import { isPair } from "./validity";

/** All that must outlive the process, and another keeper must have to take over. Keys are in it: secret. */
export const heldSchema = z.strictObject({
  account: z
    .strictObject({
      directoryUrl: z.string().describe("The authority that knows it."),
      email: z.string(),
      url: z.string().describe("The account's name there."),
      privateKey: z.string(),
    })
    .optional(),
  certificate: z
    .strictObject({
      directoryUrl: z.string().describe("The authority that issued it."),
      certificate: z.string(),
      privateKey: z.string(),
    })
    .refine(isPair, "is no certificate with its key")
    .optional(),
  failure: z
    .strictObject({
      settings: z.string().describe("What was asked for, and of whom: other settings begin anew."),
      attempts: z.int().describe("Failures in a row."),
      atMilliseconds: z.number(),
      againAtMilliseconds: z.number(),
      reason: z.string(),
    })
    .optional()
    .describe("Of the last attempt; none where it succeeded. Kept, so that no restart asks too often."),
});
export type Held = z.output<typeof heldSchema>;
export type Account = NonNullable<Held["account"]>;

/** Where the account and the certificate are kept. */
export interface CertificateStore {
  /** What was written last; nothing held, where nothing was. */
  readonly read: () => Promise<Held>;
  /** Replaces all of it. What is read is what was written before or this, never a part. */
  readonly write: (held: Held) => Promise<void>;
}

const FILE = "acme.json";

/** Keeps it in a directory, as one file that its owner alone may read. */
export class DirectoryStore implements CertificateStore {
  #written: Promise<void> = Promise.resolve();

  constructor(
    private readonly directory: string,
    private readonly log: Logger,
  ) {}

  readonly read = async (): Promise<Held> => {
    const file = join(this.directory, FILE);
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text === undefined) return {};
    const held = heldSchema.safeParse(jsonOf(text));
    if (held.success) return held.data;
    // It can be had again, and what stops here would serve no certificate at all.
    await rename(file, `${file}.damaged`);
    this.log.error(
      { file: `${file}.damaged` },
      "this file was damaged: account and certificate are made anew",
    );
    return {};
  };

  readonly write = (held: Held): Promise<void> => {
    // One after another: the last to be asked for is the last to be written.
    const written = this.#written.catch(() => undefined).then(() => this.#replace(JSON.stringify(held)));
    this.#written = written;
    return written;
  };

  async #replace(text: string): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    // What a process left that was killed while it wrote.
    for (const name of await readdir(this.directory))
      if (name.startsWith(`${FILE}.new.`)) await rm(join(this.directory, name), { force: true });
    const fresh = join(this.directory, `${FILE}.new.${randomUUID()}`);
    const handle = await open(fresh, "wx", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, join(this.directory, FILE));
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
