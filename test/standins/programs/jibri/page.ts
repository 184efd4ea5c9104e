import { lookup } from "node:dns/promises";
import { request } from "node:https";
import { isIP } from "node:net";

/** What a Jibri's browser goes by. */
export interface Browser {
  /** Chromium's flags as custom-jibri.conf adds them. */
  readonly flags: readonly string[];
  readonly acceptsAnyCertificate: boolean;
}

const limitMs = 10_000;

/** `jibri.chrome.flags += "…"` of a custom-jibri.conf, each on a line of its own. */
export const addedFlags = (customConf: string): string[] =>
  [...customConf.matchAll(/^\s*jibri\.chrome\.flags\s*\+=\s*"([^"]*)"/gm)].map(([, flag = ""]) => flag);

/**
 * Where Chromium looks for a host: its own rules first; then a name under localhost is the machine that it runs on, and
 * /etc/hosts and DNS are not asked (RFC 6761).
 */
export async function addressOf(host: string, { flags }: Browser): Promise<string> {
  for (const flag of flags) {
    const [, name, address] = /^--host-resolver-rules=MAP (\S+) (\S+)$/.exec(flag) ?? [];
    if (name === host && address !== undefined) return address;
  }
  if (isIP(host)) return host;
  return /(^|\.)localhost$/.test(host) ? "127.0.0.1" : (await lookup(host, { family: 4 })).address;
}

/** Resolves once the page of a conference was loaded. Throws with why it could not be. */
export async function openPage(url: string, browser: Browser): Promise<void> {
  const { hostname } = new URL(url);
  const address = await addressOf(hostname, browser);
  await new Promise<void>((resolve, reject) => {
    const asked = request(
      url,
      {
        rejectUnauthorized: !browser.acceptsAnyCertificate,
        signal: AbortSignal.timeout(limitMs),
        lookup: (_host, { all }, found) =>
          all ? found(null, [{ address, family: 4 }]) : found(null, address, 4),
      },
      (response) => {
        response.resume();
        if (response.statusCode === 200) resolve();
        else reject(new Error(`it answered ${response.statusCode ?? "nothing"}`));
      },
    );
    asked.once("error", reject);
    asked.end();
  });
}
