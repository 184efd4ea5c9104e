import { execFileSync } from "node:child_process";

/** A key and a certificate for a name that it signed itself, and for others such as `IP:127.0.0.1`. PEM, in one, as HAProxy reads it. */
export function selfSigned(name = "localhost", others: readonly string[] = []): Buffer {
  const subject = ["-x509", "-nodes", "-days", "2", "-subj", `/CN=${name}`];
  const alternatives = others.length === 0 ? [] : ["-addext", `subjectAltName=${others.join()}`];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", "-", "-out", "-"];
  return execFileSync("openssl", ["req", ...subject, ...alternatives, ...key], {
    stdio: ["ignore", "pipe", "ignore"],
  });
}
