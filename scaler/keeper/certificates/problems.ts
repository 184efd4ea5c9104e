import type { AcmeOptions } from "./options";

/** What an authority answers instead of what was asked for. */
export class AcmeProblem extends Error {
  constructor(
    /** RFC 8555's word for it, such as rateLimited; the HTTP status, where the authority gave no word. */
    readonly kind: string,
    /** The authority's own words. */
    readonly detail: string,
    readonly more: {
      /** The host name that it could not see to be ours. */
      readonly challenged?: string;
      /** Before that, the authority would refuse again. */
      readonly retryAfterSeconds?: number;
    } = {},
  ) {
    super(`${kind}: ${detail}`);
  }
}

/** The longest of an authority's words that is repeated. */
const DETAIL_LENGTH = 300;
/** Faults of the authority's own HTTPS certificate. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/;

/** Says in words that an operator can act on, why no certificate was obtained. There is no secret in them. */
export function inWords(error: unknown, options: AcmeOptions): string {
  if (error instanceof AcmeProblem) return `${problem(error, options)} (${short(error.detail)})`;
  if (!(error instanceof Error)) return short(String(error));
  // acme-client's words for an answer that has not what it looks for.
  if (error.message.includes("ACME directory"))
    return `what answers at ${options.directoryUrl} is no ACME directory: see that tls.directoryUrl is right`;
  if (!("isAxiosError" in error)) return short(error.message);
  const code = "code" in error ? String(error.code) : "";
  const authority = `the authority at ${options.directoryUrl}`;
  if (UNTRUSTED.test(code))
    return `${authority} has a certificate that is not trusted: give in tls.ca the one that signed it, if it is a private authority (${short(error.message)})`;
  return `${authority} does not answer: see that tls.directoryUrl is right and that this host may open connections to it (${short(error.message || code)})`;
}

function problem({ detail, kind, more }: AcmeProblem, { directoryUrl, names }: AcmeOptions): string {
  const name = more.challenged;
  if (name !== undefined) {
    const url = `http://${name}/.well-known/acme-challenge/`;
    // Not all authorities call a name that cannot be resolved by its own word.
    switch (/could not resolve/i.test(detail) ? "dns" : kind) {
      case "dns":
        return `the authority finds no address of ${name}: give it A records with the public addresses of the edge nodes`;
      case "connection":
        return `the authority cannot connect to ${url}: open port 80 of every edge node to the internet, and see that the A and AAAA records of ${name} lead to edge nodes alone`;
      case "unauthorized":
      case "incorrectResponse":
        return `something else than this fleet answers at ${url}: see that the A and AAAA records of ${name} lead to edge nodes alone, and that nothing before them answers on port 80`;
      case "caa":
        return `a CAA record of ${name} keeps the authority from issuing: add the authority to it`;
      default:
        return `the authority did not accept what it found at ${url}`;
    }
  }
  switch (kind) {
    case "rateLimited":
      return "the authority's rate limit is reached: it is asked again when it allows";
    case "rejectedIdentifier":
      return `the authority issues no certificate for ${names.join(", ")}: see that domain is a public name`;
    case "caa":
      return `a CAA record of ${names.join(", ")} keeps the authority from issuing: add the authority to it`;
    case "externalAccountRequired":
      return "the authority only takes accounts that are bound to one opened with it otherwise: set tls.eab as the authority gave it";
    case "invalidContact":
    case "unsupportedContact":
      return "the authority does not take tls.email as a contact: give an address that receives mail";
    case "accountDoesNotExist":
      return "the authority does not know the account any more: the next attempt makes a new one";
    case "unauthorized":
      return "the authority refuses the account: see that tls.eab, if the authority needs it, is what the authority gave, and that the account was not closed";
    case "userActionRequired":
      return "the authority wants new terms to be agreed to: follow the link in its words";
    default:
      return `the authority at ${directoryUrl} refuses: ${kind}`;
  }
}

/** On one line, without end: some of it comes from servers that a stranger's name leads to. */
function short(text: string): string {
  const line = text.replace(/[\s\p{C}]+/gu, " ").trim();
  return line.length > DETAIL_LENGTH ? `${line.slice(0, DETAIL_LENGTH)}…` : line;
}
