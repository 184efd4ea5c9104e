import { createHash, createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { rootCertificates } from "node:tls";
import type { Report } from "./faults";

/** What is looked at of certificates and keys before anything is made of them. Nothing that is told shows a key. */

/** Browsers and OpenSSL's default security level take no shorter one. */
const LEAST_RSA_BITS = 2048;
const SOON_DAYS = 21;
const DAY_MILLISECONDS = 86_400_000;

/** A certificate for the public address, as the settings give it. */
export interface ProvidedCertificate {
  /** PEM: the server's, then its intermediates. */
  readonly certificate: string;
  readonly privateKey: string;
  /** PEM: the private authority's. */
  readonly ca?: string | undefined;
}

/** The certificates of a PEM text in their order; why they cannot be read otherwise. */
export function readCertificates(pem: string): readonly X509Certificate[] | string {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const begun = pem.split("-----BEGIN ").length - 1;
  if (blocks.length === 0 || begun !== blocks.length)
    return "is cut off, or has more in it than certificates; give each whole, from its BEGIN line to its END line";
  const certificates: X509Certificate[] = [];
  for (const [index, block] of blocks.entries())
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      const which = blocks.length === 1 ? "" : ` the ${index + 1}. of its ${blocks.length} certificates`;
      return `cannot be read${which}: it is cut off or damaged; take it anew from where it was issued`;
    }
  return certificates;
}

/**
 * What is wrong with a certificate for names, told at `at` and its siblings: HAProxy would refuse it in the midst of an
 * update, or browsers would refuse it afterwards.
 */
export function checkCertificate(
  given: ProvidedCertificate,
  names: readonly { readonly setting: string; readonly name: string }[],
  nowMilliseconds: number,
  fault: Report,
): void {
  const certificates = readCertificates(given.certificate);
  if (typeof certificates === "string") fault("tls.certificate", certificates);
  else {
    checkOrder(certificates, given, nowMilliseconds, fault);
    checkNames(certificates, names, fault);
  }
  const key = readKey(given.privateKey);
  if (typeof key === "string") fault("tls.privateKey", key);
  else if (typeof certificates !== "string") checkPair(certificates, key, fault);
  checkAuthority(given, certificates, fault);
}

function readKey(pem: string): KeyObject | string {
  if (/ENCRYPTED/.test(pem))
    return "is encrypted, and HAProxy has nobody to ask for its passphrase; decrypt it with: openssl pkey -in KEY -out PLAIN, and set it with --secret";
  try {
    return createPrivateKey(pem);
  } catch {
    return "cannot be read: it is cut off or damaged; give the whole PEM, from its BEGIN line to its END line";
  }
}

/** What a private authority is to be. */
function checkAuthority(
  { ca }: ProvidedCertificate,
  certificates: readonly X509Certificate[] | string,
  fault: Report,
): void {
  if (ca === undefined) return;
  const authorities = readCertificates(ca);
  if (typeof authorities === "string") {
    fault("tls.ca", authorities);
    return;
  }
  const last = typeof certificates === "string" ? undefined : certificates.at(-1);
  if (last && !authorities.some((authority) => signed(authority, last)))
    fault(
      "tls.ca",
      `did not sign the last of tls.certificate, which ${subjectOf(last, "issuer")} signed; give that authority's, or the intermediates between them in tls.certificate`,
    );
}

function checkPair([leaf, ...others]: readonly X509Certificate[], key: KeyObject, fault: Report): void {
  if (!leaf) return;
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (!["rsa", "ec"].includes(key.asymmetricKeyType ?? ""))
    fault(
      "tls.privateKey",
      `is of type ${key.asymmetricKeyType ?? "?"}, which browsers do not take; take an RSA or EC key`,
    );
  else if (key.asymmetricKeyType === "rsa" && bits !== undefined && bits < LEAST_RSA_BITS)
    fault("tls.privateKey", `is of ${bits} bits; HAProxy and browsers take ${LEAST_RSA_BITS} or more`);
  if (leaf.checkPrivateKey(key)) return;
  const own = others.findIndex((other) => other.checkPrivateKey(key));
  if (own < 0)
    fault(
      "tls.privateKey",
      `is not the key of tls.certificate (${subjectOf(leaf, "subject")}); give the two that belong together`,
    );
  else
    fault(
      "tls.certificate",
      `has the server's own certificate in ${own + 2}. place; put it first, then the one that signed it, and so on`,
    );
}

function checkOrder(
  certificates: readonly X509Certificate[],
  { ca }: ProvidedCertificate,
  nowMilliseconds: number,
  fault: Report,
): void {
  certificates.forEach((certificate, index) => {
    const which = index === 0 ? "" : ` (intermediate ${index}, ${subjectOf(certificate, "subject")})`;
    if (Date.parse(certificate.validTo) <= nowMilliseconds)
      fault("tls.certificate", `expired on ${dayOf(certificate.validTo)}${which}; give the renewed one`);
    if (Date.parse(certificate.validFrom) > nowMilliseconds)
      fault(
        "tls.certificate",
        `is not valid before ${dayOf(certificate.validFrom)}${which}; wait until then, or set this machine's clock right`,
      );
    const next = certificates[index + 1];
    if (next && !signed(next, certificate))
      fault(
        "tls.certificate",
        `is out of order: ${subjectOf(next, "subject")} did not sign ${subjectOf(certificate, "subject")}, which stands before it; put the server's certificate first, then the one that signed it, and so on`,
      );
  });
  const [leaf] = certificates;
  if (certificates.length === 1 && leaf?.ca === true && ca !== undefined && !signed(leaf, leaf))
    fault("tls.certificate", "is an authority's, no server's; give the server's first");
}

function checkNames(
  [leaf]: readonly X509Certificate[],
  names: readonly { readonly setting: string; readonly name: string }[],
  fault: Report,
): void {
  for (const { name, setting } of names)
    // Browsers look at the alternative names alone.
    if (leaf && leaf.checkHost(name, { subject: "never" }) === undefined)
      fault(
        "tls.certificate",
        `is not for ${setting}, ${name}, but for ${leaf.subjectAltName?.replaceAll("DNS:", "") ?? "no name that browsers look at (subjectAltName)"}; give one that has it`,
      );
}

/** Days until the first of a PEM's certificates expires, if that is soon. */
export function expiresSoon(pem: string, nowMilliseconds: number): number | undefined {
  const certificates = readCertificates(pem);
  if (typeof certificates === "string") return undefined;
  const first = Math.min(...certificates.map(({ validTo }) => Date.parse(validTo)));
  const days = Math.floor((first - nowMilliseconds) / DAY_MILLISECONDS);
  return days < SOON_DAYS ? days : undefined;
}

/**
 * What a browser that has only the public authorities is to trust as well, so that it takes the certificate: SHA-256 of
 * public keys, base64. None where a public authority vouches for it. The authority's where it is known: it outlives the
 * server's key.
 */
export function privateTrust({ ca, certificate }: ProvidedCertificate): readonly string[] {
  const certificates = readCertificates(certificate);
  if (typeof certificates === "string") return [];
  const last = certificates.at(-1);
  if (ca === undefined && last && isPublic(last)) return [];
  const authorities = ca === undefined ? certificates.slice(1) : readCertificates(ca);
  const trusted =
    typeof authorities === "string" || authorities.length === 0 ? certificates.slice(0, 1) : authorities;
  return trusted.map(({ publicKey }) =>
    createHash("sha256")
      .update(publicKey.export({ type: "spki", format: "der" }))
      .digest("base64"),
  );
}

function isPublic(certificate: X509Certificate): boolean {
  return rootCertificates.some((root) => {
    const authority = new X509Certificate(root);
    return authority.subject === certificate.issuer && signed(authority, certificate);
  });
}

function signed(authority: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

const subjectOf = (certificate: X509Certificate, which: "subject" | "issuer"): string =>
  certificate[which].replaceAll("\n", ", ");
const dayOf = (date: string): string => new Date(date).toISOString().slice(0, 10);
