import { createHash } from "node:crypto";
import { posix } from "node:path";

/** A file has this at the end of its name in the store until it was read back. */
export const PART = ".part";

/** Bytes. With PART it stays below the 255 that a file system takes. */
const LONGEST = 240;
const LONGEST_STEM = 160;
const LONGEST_EXTENSION = 40;

/**
 * What does not come through every store unharmed: control characters, what was no UTF-8, the characters that rclone
 * itself writes others with, and the semicolon, at which an S3 store may cut the name of what it is to copy.
 */
const HARMFUL = /[;\p{Cc}\u2028\u2029\u2400\u201b\uff0f\ufffd]/gu;

/**
 * The name of a file or directory in the store. It is the name itself wherever that can be; else what harms is
 * replaced, and a hash of the whole name keeps two apart. No name in the store ends in PART, but of what is one.
 */
export function storeName(name: Buffer): string {
  const text = name.toString("utf8");
  const clean = text.replace(HARMFUL, "_");
  if (clean === text && name.length <= LONGEST && !text.endsWith(PART)) return text;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 16);
  const { ext, name: stem } = posix.parse(clean);
  const isExtensionKept = ext !== PART && Buffer.byteLength(ext) <= LONGEST_EXTENSION;
  return `${cut(stem)}~${hash}${isExtensionKept ? ext : ""}`;
}

/** As many whole characters as fit. */
function cut(stem: string): string {
  let kept = "";
  let bytes = 0;
  for (const character of stem) {
    bytes += Buffer.byteLength(character);
    if (bytes > LONGEST_STEM) break;
    kept += character;
  }
  return kept;
}
