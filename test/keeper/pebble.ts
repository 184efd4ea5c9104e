import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/freePort";

const START_LIMIT_SECONDS = 120;

export interface PebbleOptions {
  /** Of the certificates that it issues. */
  readonly lifetimeSeconds?: number;
  /** Whether it takes a name that it has checked for an account without looking again. */
  readonly remembers?: boolean;
  /** The accounts that one must be bound to; none needed, if absent: HMAC keys by their names. */
  readonly externalAccounts?: Readonly<Record<string, string>>;
}

/** A key and a certificate that it signed itself, for 127.0.0.1. PEM. */
export function ownCertificate(): { readonly certificate: string; readonly privateKey: string } {
  const folder = mkdtempSync(join(tmpdir(), "fleet-own-certificate-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  try {
    const subject = ["-subj", "/CN=stand-in", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"];
    const files = ["-keyout", key, "-out", certificate];
    const elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...elliptic, ...subject, ...files], { stdio: "pipe" });
    return { certificate: readFileSync(certificate, "utf8"), privateKey: readFileSync(key, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Let's Encrypt's ACME server for tests, and the DNS that it asks: by default every name leads to 127.0.0.1. It looks
 * for challenges on httpPort.
 */
export class Pebble {
  private readonly folder = mkdtempSync(join(tmpdir(), "fleet-pebble-"));
  private readonly own = ownCertificate();
  private readonly children: ChildProcess[] = [];
  private ports = { acme: 0, management: 0, http: 0, unused: 0, dns: 0, dnsManagement: 0 };
  /** All that it told. */
  log = "";

  /** Resolves once it answers. */
  async start({ externalAccounts, lifetimeSeconds, remembers = false }: PebbleOptions = {}): Promise<void> {
    for (const name of Object.keys(this.ports) as (keyof typeof this.ports)[])
      this.ports[name] = await freePort();
    const { acme, dns, dnsManagement, http, management, unused } = this.ports;
    const files = { certificate: join(this.folder, "own.pem"), privateKey: join(this.folder, "key.pem") };
    writeFileSync(files.certificate, this.own.certificate);
    writeFileSync(files.privateKey, this.own.privateKey);
    const pebble = {
      listenAddress: `127.0.0.1:${acme}`,
      managementListenAddress: `127.0.0.1:${management}`,
      ...files,
      httpPort: http,
      tlsPort: unused,
      certificateValidityPeriod: lifetimeSeconds,
      externalAccountBindingRequired: externalAccounts !== undefined,
      externalAccountMACKeys: externalAccounts,
    };
    const configuration = join(this.folder, "pebble.json");
    writeFileSync(configuration, JSON.stringify({ pebble }));
    const none = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""];
    const addresses = ["-dns01", `127.0.0.1:${dns}`, "-management", `127.0.0.1:${dnsManagement}`];
    this.#spawn("pebble-challtestsrv", {}, ...addresses, ...none);
    const environment = {
      PEBBLE_AUTHZREUSE: remembers ? "100" : "0",
      // No sleeps before it looks.
      PEBBLE_VA_NOSLEEP: "1",
    };
    this.#spawn("pebble", environment, "-config", configuration, "-dnsserver", `127.0.0.1:${dns}`);
    await this.#until(async () => {
      await this.root();
      await this.leadsTo("127.0.0.1");
    });
  }

  async stop(): Promise<void> {
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  get directoryUrl(): string {
    return `https://127.0.0.1:${this.ports.acme}/dir`;
  }

  /** Who vouches for its own HTTPS. PEM. */
  get ownCertificate(): string {
    return this.own.certificate;
  }

  /** Where it looks for challenges. */
  get httpPort(): number {
    return this.ports.http;
  }

  /** What the chains of its certificates end at. PEM. */
  async root(): Promise<string> {
    const url = `https://127.0.0.1:${this.ports.management}/roots/0`;
    const [response] = (await once(get(url, { ca: this.own.certificate, agent: false }), "response")) as [
      NodeJS.ReadableStream,
    ];
    return text(response);
  }

  /** Where names lead from now on; without an address nowhere. */
  async leadsTo(ip = ""): Promise<void> {
    const url = `http://127.0.0.1:${this.ports.dnsManagement}/set-default-ipv4`;
    const { ok, status } = await fetch(url, { method: "POST", body: JSON.stringify({ ip }) });
    if (!ok) throw new Error(`the DNS of pebble answers ${status}`);
  }

  /** How many orders were placed, and how many requests were made at all, in its life. */
  counts(): { readonly accounts: number; readonly orders: number; readonly requests: number } {
    const count = (pattern: RegExp): number => [...this.log.matchAll(pattern)].length;
    return {
      accounts: count(/There are now \d+ accounts in memory/g),
      orders: count(/Added order "/g),
      requests: count(/(?:GET|HEAD|POST) \/\S* -> calling handler/g),
    };
  }

  #spawn(command: string, environment: Readonly<Record<string, string>>, ...args: string[]): void {
    const child = spawn(command, args, {
      env: { PATH: process.env["PATH"], ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.children.push(child);
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.log += chunk.toString()));
  }

  async #until(isUp: () => Promise<void>): Promise<void> {
    const limit = Date.now() + START_LIMIT_SECONDS * 1000;
    for (;;)
      try {
        await isUp();
        return;
      } catch (error) {
        if (Date.now() > limit || this.children.some(({ exitCode }) => exitCode !== null))
          throw new Error(`pebble did not start (${String(error)}):\n${this.log}`, { cause: error });
        await sleep(50);
      }
  }
}
