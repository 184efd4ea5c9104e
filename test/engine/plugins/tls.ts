/** Stand-in for `pulumi-resource-tls`: keys from Node's crypto, certificates from openssl. */
import { execFile } from "node:child_process";
import { createPublicKey, generateKeyPair, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ResourceType, serveProvider } from "./core";
import { isObject, type Properties, type Value } from "./properties";
import { text, texts, written } from "./values";

const run = promisify(execFile);
const opensslLimitMs = 60_000;
/** Outputs nobody here needs: visibly not what they should be. */
const notMade = "stand-in: not made";

const keyUsages: Record<string, string> = {
  cert_signing: "keyCertSign",
  content_commitment: "nonRepudiation",
  crl_signing: "cRLSign",
  data_encipherment: "dataEncipherment",
  digital_signature: "digitalSignature",
  key_agreement: "keyAgreement",
  key_encipherment: "keyEncipherment",
};
const extendedKeyUsages: Record<string, string> = {
  any_extended: "anyExtendedKeyUsage",
  client_auth: "clientAuth",
  code_signing: "codeSigning",
  email_protection: "emailProtection",
  ocsp_signing: "OCSPSigning",
  server_auth: "serverAuth",
  timestamping: "timeStamping",
};
const subjectFields: Record<string, string> = {
  commonName: "CN",
  country: "C",
  locality: "L",
  organization: "O",
  organizationalUnit: "OU",
  province: "ST",
  serialNumber: "serialNumber",
};

/** An openssl configuration with the subject, the names and the usages that the inputs ask for. */
function opensslConfig(inputs: Properties): string {
  const subject = isObject(inputs["subject"]) ? inputs["subject"] : {};
  const names = [
    ...texts(inputs["dnsNames"]).map((name) => `DNS:${name}`),
    ...texts(inputs["ipAddresses"]).map((address) => `IP:${address}`),
    ...texts(inputs["uris"]).map((uri) => `URI:${uri}`),
  ];
  const uses = texts(inputs["allowedUses"]);
  const usages = uses.flatMap((use) => keyUsages[use] ?? []);
  const extended = uses.flatMap((use) => extendedKeyUsages[use] ?? []);
  const isCa = inputs["isCaCertificate"] === true;
  return [
    "[req]",
    "prompt = no",
    "distinguished_name = subject",
    "[subject]",
    ...Object.entries(subject).map(
      ([field, value]) => `${subjectFields[field] ?? field} = ${written(value)}`,
    ),
    "[names]",
    ...(names.length > 0 ? [`subjectAltName = ${names.join(",")}`] : []),
    "[certificate]",
    `basicConstraints = critical,CA:${isCa ? "TRUE" : "FALSE"}`,
    ...(usages.length > 0 ? [`keyUsage = critical,${usages.join(",")}`] : []),
    ...(extended.length > 0 ? [`extendedKeyUsage = ${extended.join(",")}`] : []),
    ...(inputs["setSubjectKeyId"] === true || isCa ? ["subjectKeyIdentifier = hash"] : []),
    ...(names.length > 0 ? [`subjectAltName = ${names.join(",")}`] : []),
    "",
  ].join("\n");
}

/** Runs openssl in a folder with these files; the private ones are gone afterwards. */
async function openssl(files: Record<string, string>, argv: string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "tls-"));
  try {
    for (const [name, content] of Object.entries(files))
      await writeFile(join(directory, name), content, { mode: 0o600 });
    await run("openssl", [...argv, "-out", "out.pem"], { cwd: directory, timeout: opensslLimitMs });
    return await readFile(join(directory, "out.pem"), "utf8");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** openssl counts whole days: a certificate lives up to a day longer than asked. */
function days(inputs: Properties): string {
  return String(Math.ceil(Number(inputs["validityPeriodHours"]) / 24));
}

const algorithms: Record<string, string> = { rsa: "RSA", ec: "ECDSA", ed25519: "ED25519" };

function algorithmOf(privateKeyPem: Value | undefined): string {
  return algorithms[createPublicKey(written(privateKeyPem)).asymmetricKeyType ?? ""] ?? "";
}

function certificateOutputs(inputs: Properties, certPem: string): Properties {
  const certificate = new X509Certificate(certPem);
  return {
    earlyRenewalHours: 0,
    isCaCertificate: false,
    setSubjectKeyId: false,
    maxPathLength: -1,
    ...inputs,
    certPem,
    readyForRenewal: false,
    validityStartTime: certificate.validFromDate.toISOString(),
    validityEndTime: certificate.validToDate.toISOString(),
  };
}

function checkUses(inputs: Properties): { property: string; reason: string }[] {
  return texts(inputs["allowedUses"])
    .filter((use) => !(use in keyUsages) && !(use in extendedKeyUsages))
    .map((use) => ({ property: "allowedUses", reason: `the stand-in plug-in does not know the use ${use}` }));
}

async function newKeyPair(inputs: Properties): Promise<KeyObject> {
  const generate = promisify(generateKeyPair);
  switch (inputs["algorithm"]) {
    case "RSA":
      return (await generate("rsa", { modulusLength: Number(inputs["rsaBits"] ?? 2048) })).privateKey;
    case "ECDSA":
      return (await generate("ec", { namedCurve: curves[text(inputs["ecdsaCurve"]) ?? "P224"] ?? "" }))
        .privateKey;
    default:
      return (await generate("ed25519")).privateKey;
  }
}

const curves: Record<string, string> = {
  P224: "secp224r1",
  P256: "prime256v1",
  P384: "secp384r1",
  P521: "secp521r1",
};

/** The form in which the real plug-in writes each kind of key. */
function pemOf(key: KeyObject): string {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return key.export({ format: "pem", type: "pkcs1" }).toString();
    case "ec":
      return key.export({ format: "pem", type: "sec1" }).toString();
    default:
      return key.export({ format: "pem", type: "pkcs8" }).toString();
  }
}

const privateKey: ResourceType<null> = {
  inputs: ["algorithm", "rsaBits", "ecdsaCurve"],
  required: ["algorithm"],
  outputs: [
    "privateKeyOpenssh",
    "privateKeyPem",
    "privateKeyPemPkcs8",
    "publicKeyFingerprintMd5",
    "publicKeyFingerprintSha256",
    "publicKeyOpenssh",
    "publicKeyPem",
  ],
  secretOutputs: ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"],
  forceNew: "all",
  check: ({ algorithm, ecdsaCurve }) => [
    ...(["RSA", "ECDSA", "ED25519"].includes(written(algorithm))
      ? []
      : [{ property: "algorithm", reason: "must be RSA, ECDSA or ED25519" }]),
    ...(ecdsaCurve === undefined || written(ecdsaCurve) in curves
      ? []
      : [{ property: "ecdsaCurve", reason: `must be one of ${Object.keys(curves).join(", ")}` }]),
  ],
  create: async (inputs) => {
    const key = await newKeyPair(inputs);
    const outputs = {
      ecdsaCurve: "P224",
      rsaBits: 2048,
      ...inputs,
      privateKeyPem: pemOf(key),
      privateKeyPemPkcs8: key.export({ format: "pem", type: "pkcs8" }).toString(),
      publicKeyPem: createPublicKey(key).export({ format: "pem", type: "spki" }).toString(),
      privateKeyOpenssh: notMade,
      publicKeyOpenssh: notMade,
      publicKeyFingerprintMd5: notMade,
      publicKeyFingerprintSha256: notMade,
    };
    return { id: randomBytes(20).toString("hex"), outputs };
  },
};

const names = ["dnsNames", "ipAddresses", "uris", "subject"];
const nested = { subject: Object.keys(subjectFields) };
const certificateInputs = [
  "allowedUses",
  "earlyRenewalHours",
  "isCaCertificate",
  "setSubjectKeyId",
  "validityPeriodHours",
];
const certificateOutputNames = ["certPem", "readyForRenewal", "validityEndTime", "validityStartTime"];

const selfSignedCert: ResourceType<null> = {
  inputs: [...certificateInputs, ...names, "privateKeyPem"],
  nested,
  required: ["allowedUses", "validityPeriodHours", "privateKeyPem"],
  outputs: [...certificateOutputNames, "keyAlgorithm"],
  secretOutputs: ["privateKeyPem"],
  forceNew: certificateInputs.concat(names, "privateKeyPem").filter((name) => name !== "earlyRenewalHours"),
  check: checkUses,
  create: async (inputs) => {
    const files = { "key.pem": written(inputs["privateKeyPem"]), "openssl.cnf": opensslConfig(inputs) };
    const request = ["req", "-new", "-x509", "-key", "key.pem", "-config", "openssl.cnf"];
    const certPem = await openssl(files, [...request, "-extensions", "certificate", "-days", days(inputs)]);
    const outputs = certificateOutputs(inputs, certPem);
    return {
      id: new X509Certificate(certPem).serialNumber,
      outputs: { ...outputs, keyAlgorithm: algorithmOf(inputs["privateKeyPem"]) },
    };
  },
};

const certRequest: ResourceType<null> = {
  inputs: [...names, "privateKeyPem"],
  nested,
  required: ["privateKeyPem"],
  outputs: ["certRequestPem", "keyAlgorithm"],
  secretOutputs: ["privateKeyPem"],
  forceNew: "all",
  create: async (inputs) => {
    const files = { "key.pem": written(inputs["privateKeyPem"]), "openssl.cnf": opensslConfig(inputs) };
    const request = ["req", "-new", "-key", "key.pem", "-config", "openssl.cnf", "-reqexts", "names"];
    const certRequestPem = await openssl(files, request);
    const keyAlgorithm = algorithmOf(inputs["privateKeyPem"]);
    return { id: randomBytes(20).toString("hex"), outputs: { ...inputs, certRequestPem, keyAlgorithm } };
  },
};

const locallySignedCert: ResourceType<null> = {
  inputs: [...certificateInputs, "caCertPem", "caPrivateKeyPem", "certRequestPem"],
  required: ["allowedUses", "caCertPem", "caPrivateKeyPem", "certRequestPem", "validityPeriodHours"],
  outputs: [...certificateOutputNames, "caKeyAlgorithm"],
  secretOutputs: ["caPrivateKeyPem"],
  forceNew: "all",
  check: checkUses,
  create: async (inputs) => {
    const files = {
      "request.pem": written(inputs["certRequestPem"]),
      "ca.pem": written(inputs["caCertPem"]),
      "ca-key.pem": written(inputs["caPrivateKeyPem"]),
      "openssl.cnf": opensslConfig(inputs),
    };
    const sign = [
      "x509",
      "-req",
      "-in",
      "request.pem",
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca-key.pem",
      "-days",
      days(inputs),
    ];
    const serial = ["-set_serial", `0x${randomBytes(15).toString("hex")}`];
    const extensions = ["-copy_extensions", "copy", "-extfile", "openssl.cnf", "-extensions", "certificate"];
    const certPem = await openssl(files, [...sign, ...serial, ...extensions]);
    const outputs = certificateOutputs(inputs, certPem);
    return {
      id: new X509Certificate(certPem).serialNumber,
      outputs: { ...outputs, caKeyAlgorithm: algorithmOf(inputs["caPrivateKeyPem"]) },
    };
  },
};

serveProvider({
  version: "5.6.1",
  config: [],
  configure: () => null,
  types: {
    "tls:index/privateKey:PrivateKey": privateKey,
    "tls:index/selfSignedCert:SelfSignedCert": selfSignedCert,
    "tls:index/certRequest:CertRequest": certRequest,
    "tls:index/locallySignedCert:LocallySignedCert": locallySignedCert,
  },
});
