import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key, PEM. */
export interface Issued {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Issues a certificate: by an authority, or by itself. */
export function issue(
  name: string,
  {
    authority,
    isAuthority = false,
    names = isAuthority ? [] : [name],
    key = ["ec", "ec_paramgen_curve:P-256"],
    days = 90,
  }: {
    readonly authority?: Issued;
    readonly isAuthority?: boolean;
    readonly names?: readonly string[];
    readonly key?: readonly [algorithm: string, option: string];
    readonly days?: number;
  } = {},
): Issued {
  const folder = mkdtempSync(join(tmpdir(), "fleet-issue-"));
  const at = (file: string): string => join(folder, file);
  try {
    if (authority) {
      writeFileSync(at("ca.pem"), authority.certificate);
      writeFileSync(at("ca.key"), authority.privateKey);
    }
    const extensions = [
      `basicConstraints=critical,CA:${isAuthority ? "TRUE" : "FALSE"}`,
      ...(names.length === 0
        ? []
        : [`subjectAltName=${names.map((one) => (/^IP:/.test(one) ? one : `DNS:${one}`)).join()}`]),
    ];
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-nodes", "-days", String(days), "-subj", `/CN=${name}`],
        ...["-newkey", key[0], "-pkeyopt", key[1], "-keyout", at("key"), "-out", at("pem")],
        ...extensions.flatMap((extension) => ["-addext", extension]),
        ...(authority ? ["-CA", at("ca.pem"), "-CAkey", at("ca.key")] : []),
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    return {
      certificate: readFileSync(at("pem"), "utf8"),
      privateKey: readFileSync(at("key"), "utf8"),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
