import { createPrivateKey, X509Certificate } from "node:crypto";

/** Of a certificate's lifetime: what is left of it when it is renewed, and how much earlier it may be by its spread. */
const LEFT = 1 / 3;
const SPREAD = 1 / 20;

/** A private key and the certificate for it. PEM. */
export interface KeyAndCertificate {
  /** The certificate, then its intermediates. */
  readonly certificate: string;
  /** Secret. */
  readonly privateKey: string;
}

/** When a certificate ends, in milliseconds since 1970. Throws where the text is no certificate. */
export function expiryMilliseconds(certificatePem: string): number {
  return Date.parse(new X509Certificate(certificatePem).validTo);
}

/**
 * When a certificate is to be renewed, in milliseconds since 1970: with a third of its lifetime left, or up to a
 * twentieth of it earlier. How much, is the certificate's own: it does not change from look to look, and of many
 * certificates that were issued together not all are renewed at once.
 */
export function renewalMilliseconds(certificatePem: string): number {
  const { fingerprint256, validFrom, validTo } = new X509Certificate(certificatePem);
  const lifetime = Date.parse(validTo) - Date.parse(validFrom);
  const chance = parseInt(fingerprint256.replaceAll(":", "").slice(0, 8), 16) / 2 ** 32;
  return Date.parse(validTo) - lifetime * (LEFT + SPREAD * chance);
}

/** Whether a certificate is to be renewed. @param nowMilliseconds since 1970 */
export function renewalDue(certificatePem: string, nowMilliseconds: number): boolean {
  return nowMilliseconds >= renewalMilliseconds(certificatePem);
}

/** Whether a certificate is one for all these host names. */
export function isFor(certificatePem: string, names: readonly string[]): boolean {
  const certificate = new X509Certificate(certificatePem);
  return names.every((name) => certificate.checkHost(name, { subject: "never" }) !== undefined);
}

/** Whether both can be read, and the key is the certificate's. */
export function isPair({ certificate, privateKey }: KeyAndCertificate): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false;
  }
}
