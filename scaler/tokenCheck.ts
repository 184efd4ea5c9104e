import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** Compares hashes, so that neither the time nor the length tells anything of the token. */
export function tokenCheck(token: string): (header: string | undefined) => boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  const expected = hash(`Bearer ${token}`);
  return (header) => timingSafeEqual(hash(header ?? ""), expected);
}

/** The token of who may look at a keeper's shards and do nothing else there. The keeper's own does not follow from it. */
export const lookToken = (token: string): string =>
  createHmac("sha256", token).update("GET /v1/shards").digest("hex");
