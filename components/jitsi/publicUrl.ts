import type { Settings } from "../settings";

/** The address of the meetings, as users type it. */
export function publicUrl(domain: string, { httpsPort }: Pick<Settings["edge"], "httpsPort">): string {
  return httpsPort === 443 ? `https://${domain}` : `https://${domain}:${httpsPort}`;
}
