import { execFileSync } from "node:child_process";

/** A key and a certificate for a name that it signed itself. PEM, in one, as HAProxy reads it. */
export function selfSigned(name = "localhost"): Buffer {
  const subject = ["-x509", "-nodes", "-days", "2", "-subj", `/CN=${name}`];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", "-", "-out", "-"];
  return execFileSync("openssl", ["req", ...subject, ...key], { stdio: ["ignore", "pipe", "ignore"] });
}
