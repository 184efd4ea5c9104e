import { createHash } from "node:crypto";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";

/** Secret texts of a machine by their path in its bundle. */
export type Secrets = Readonly<Record<string, string>>;

/** What a standard parameter of SSM holds. */
const PARAMETER_BYTES = 4096;

/**
 * Changes with the secrets, and tells nothing of them to whom does not know the salt: it stands in the bundle.
 */
export function revisionOf(secrets: Secrets, salt: string): string {
  return createHash("sha256")
    .update(`${salt}\n${textOf(secrets)}`)
    .digest("hex")
    .slice(0, 32);
}

/**
 * The secrets as so many values of parameters, each of which says which document it is a part of.
 * @throws when they do not fit
 */
export function splitIntoParts(secrets: Secrets, revision: string, count: number): string[] {
  // base64: SSM refuses a value with {{ in it, and templates have placeholders.
  const packed = brotliCompressSync(textOf(secrets)).toString("base64");
  const room = PARAMETER_BYTES - headOf(revision, count, count).length;
  if (packed.length > room * count)
    throw new Error(
      `the machine's secrets are ${packed.length} bytes, packed, and ${count} parameters of SSM hold ${room * count}: ` +
        "a certificate's chain that is longer than it must be is the likely cause",
    );
  return Array.from(
    { length: count },
    (_, index) => headOf(revision, index + 1, count) + packed.slice(index * room, (index + 1) * room),
  );
}

/**
 * Puts the values of all parameters together, in their order.
 * @throws when they are not all of that one revision: they are just being written
 */
export function joinParts(parts: readonly string[], revision: string): Secrets {
  const chunks = parts.map((part, index) => {
    const head = headOf(revision, index + 1, parts.length);
    if (!part.startsWith(head))
      throw new Error(
        `part ${index + 1} of the secrets is not of revision ${revision}: they are being changed, or the bundle is an older one`,
      );
    return part.slice(head.length);
  });
  const text = brotliDecompressSync(Buffer.from(chunks.join(""), "base64")).toString("utf8");
  return JSON.parse(text) as Secrets;
}

const headOf = (revision: string, part: number, count: number): string =>
  `${revision} ${String(part).padStart(2, "0")}/${String(count).padStart(2, "0")} `;

/** By path, so that the order in which they were declared is no change. */
const textOf = (secrets: Secrets): string =>
  JSON.stringify(
    Object.fromEntries(Object.entries(secrets).sort(([one], [other]) => (one < other ? -1 : 1))),
  );
