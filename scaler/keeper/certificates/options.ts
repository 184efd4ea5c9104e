import { z } from "zod";

/** Let's Encrypt's directories: that of real certificates, and that of trials, whose certificates browsers refuse. */
export const LETS_ENCRYPT_URL = "https://acme-v02.api.letsencrypt.org/directory";
export const LETS_ENCRYPT_STAGING_URL = "https://acme-staging-v02.api.letsencrypt.org/directory";

/** What the keeper must know to obtain certificates by ACME (RFC 8555). */
export const acmeOptions = z.strictObject({
  directoryUrl: z
    .url({ protocol: /^https$/ })
    .default(LETS_ENCRYPT_URL)
    .describe("The authority's directory."),
  email: z.string().describe("Contact of the account."),
  names: z.array(z.string()).min(1).describe("The host names that the certificate is for."),
  caCertificate: z
    .string()
    .optional()
    .describe(
      "PEM: the only one that the authority's own HTTPS certificate is trusted by; the usual, if absent.",
    ),
  externalAccount: z
    .strictObject({ keyId: z.string(), hmacKey: z.string().describe("base64url.") })
    .optional()
    .describe("Binds the ACME account to one that was opened with the authority otherwise."),
  retry: z
    .strictObject({ firstSeconds: z.number().default(600), longestSeconds: z.number().default(3600) })
    .prefault({})
    .describe(
      "By default at most four attempts in the first hour: Let's Encrypt allows five failures an hour.",
    ),
});
export type AcmeOptions = z.output<typeof acmeOptions>;
