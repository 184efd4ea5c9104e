import { execFileSync } from "node:child_process";

/** A key and a certificate for localhost that it signed itself. PEM, in one, as HAProxy reads it. */
export function selfSigned(): Buffer {
  const subject = ["-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", "-", "-out", "-"];
  return execFileSync("openssl", ["req", ...subject, ...key], { stdio: ["ignore", "pipe", "ignore"] });
}
