import { once } from "node:events";
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { command } from "../haproxy";
import { AcmeCertificates, CHALLENGE_PATH } from "./acmeCertificates";
import type { Challenges } from "./authority";
import type { AcmeOptions } from "./options";
import { DirectoryStore, type Held } from "./store";
import type { KeyAndCertificate } from "./validity";

/** Another node as far as certificates go. */
export interface CertificateNode {
  readonly node: string;
  held(): Promise<Held>;
  answer(challenges: Challenges): Promise<void>;
}

export interface ServingArgs {
  readonly options: AcmeOptions;
  /** Where account and certificate are kept. */
  readonly directory: string;
  /** The file that HAProxy reads at its start, by the name that its configuration has for it. */
  readonly file: string;
  /** HAProxy's runtime interface. */
  readonly socket: string;
  /** Where HAProxy sends the authority's questions: a Unix socket that this makes. */
  readonly challengeSocket: string;
  readonly others: readonly CertificateNode[];
  /** Whether this node is the one that obtains, and who leads if not. */
  readonly leader: () => { readonly isSelf: boolean; readonly node: string };
  /** The other nodes that are there. */
  readonly present: () => readonly string[];
  readonly log: Logger;
  readonly intervalSeconds?: number;
}

const INTERVAL_SECONDS = 10;

/** The certificate of the public name on this node: obtained where this node leads, taken from the leader elsewhere. */
export class CertificateServing {
  private constructor(
    readonly certificates: AcmeCertificates,
    private readonly args: ServingArgs,
  ) {}

  static async open(args: ServingArgs): Promise<CertificateServing> {
    let serving: Promise<void> = Promise.resolve();
    const certificates = await AcmeCertificates.open({
      options: args.options,
      store: new DirectoryStore(args.directory, args.log),
      log: args.log,
      onCertificate: (certificate) => {
        serving = serving
          .then(() => serve(args, certificate))
          .catch((error: unknown) => args.log.error({ error: String(error) }, "a certificate is not served"));
      },
      spread: (challenges) => spread(args, challenges),
    });
    await serving;
    return new CertificateServing(certificates, args);
  }

  /** Runs until told to stop. */
  async run(signal: AbortSignal): Promise<void> {
    const server = await this.answerAuthority();
    while (!signal.aborted) {
      const { isSelf, node } = this.args.leader();
      if (isSelf) await this.obtain(signal);
      else await this.adoptFrom(node);
      await this.pause(signal);
    }
    server.close();
  }

  /** Obtains and renews for as long as this node leads. */
  private async obtain(signal: AbortSignal): Promise<void> {
    for (const { node } of this.args.others) await this.adoptFrom(node);
    const leading = new AbortController();
    const running = this.certificates.run(AbortSignal.any([signal, leading.signal]));
    while (!signal.aborted && this.args.leader().isSelf) await this.pause(signal);
    leading.abort();
    await running;
  }

  private async adoptFrom(node: string): Promise<void> {
    const other = this.args.others.find((one) => one.node === node);
    // Who does not answer is asked again.
    const held = await other?.held().catch(() => undefined);
    if (held) await this.certificates.adopt(held);
  }

  private pause(signal: AbortSignal): Promise<void> {
    const seconds = this.args.intervalSeconds ?? INTERVAL_SECONDS;
    return sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
  }

  private async answerAuthority(): Promise<Server> {
    const server = createServer((request, response) => {
      const path = request.url ?? "";
      const answer = path.startsWith(CHALLENGE_PATH)
        ? this.certificates.challengeResponse(path.slice(CHALLENGE_PATH.length))
        : undefined;
      response.writeHead(answer === undefined ? 404 : 200, { "Content-Type": "text/plain" });
      response.end(answer);
    });
    await rm(this.args.challengeSocket, { force: true });
    server.listen(this.args.challengeSocket);
    await once(server, "listening");
    await chmod(this.args.challengeSocket, 0o600);
    return server;
  }
}

/** Gives the challenges to all nodes that are there: the authority asks any of them. */
async function spread({ others, present }: ServingArgs, challenges: Challenges): Promise<void> {
  const there = new Set(present());
  await Promise.all(others.filter(({ node }) => there.has(node)).map((other) => other.answer(challenges)));
}

/** Writes the file for HAProxy's next start, and brings the certificate to the process that runs. */
async function serve(
  { file, socket }: ServingArgs,
  { certificate, privateKey }: KeyAndCertificate,
): Promise<void> {
  const pem = `${certificate.trim()}\n${privateKey.trim()}\n`;
  await writeFile(`${file}.next`, pem, { mode: 0o600 });
  await rename(`${file}.next`, file);
  // The payload ends with an empty line, so it may have none.
  const set = await command(socket, `set ssl cert ${file} <<\n${pem.replace(/\n+/g, "\n")}`).catch(() => "");
  if (/Transaction (created|updated)/.test(set)) await command(socket, `commit ssl cert ${file}`);
}
