import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

const TEN_YEARS_HOURS = 10 * 365 * 24;

/** A certificate of the fleet's own making. PEM. */
export interface OwnCertificate {
  readonly certificate: pulumi.Output<string>;
  /** Secret. */
  readonly privateKey: pulumi.Output<string>;
}

/** Makes a key and a certificate that no authority signed: children `${name}-key` and `${name}-certificate`. */
export function selfSigned(
  name: string,
  dnsName: string,
  parent: pulumi.Resource,
  otherNames: readonly string[] = [],
): OwnCertificate {
  const key = new tls.PrivateKey(`${name}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, { parent });
  const certificate = new tls.SelfSignedCert(
    `${name}-certificate`,
    {
      privateKeyPem: key.privateKeyPem,
      subject: { commonName: dnsName },
      dnsNames: [dnsName, ...otherNames],
      validityPeriodHours: TEN_YEARS_HOURS,
      allowedUses: ["key_encipherment", "digital_signature", "server_auth"],
    },
    { parent },
  );
  return { certificate: certificate.certPem, privateKey: key.privateKeyPem };
}
