import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { backOffSeconds } from "../../backOff";
import { Authority, type Challenges } from "./authority";
import type { AcmeOptions } from "./options";
import { AcmeProblem, inWords } from "./problems";
import type { CertificateStore, Held } from "./store";
import {
  expiryMilliseconds,
  isFor,
  renewalDue,
  renewalMilliseconds,
  type KeyAndCertificate,
} from "./validity";

/** What the keeper answers below http://<name>. */
export const CHALLENGE_PATH = "/.well-known/acme-challenge/";

/** Clocks may be set, and timers do not reach further than 24 days. */
const LONGEST_SLEEP_SECONDS = 3600;
/** An authority that asks for more patience is asked once a day. */
const LONGEST_PATIENCE_SECONDS = 24 * 3600;

/** What there is to tell of the certificate. Times in seconds since 1970. */
export interface CertificateState {
  /** Absent while there is none. */
  readonly expiresAtSeconds?: number;
  readonly renewalAtSeconds?: number;
  /** Of the last attempt, if that failed. */
  readonly failure?: {
    readonly atSeconds: number;
    readonly againAtSeconds: number;
    /** In a row. */
    readonly attempts: number;
    readonly reason: string;
  };
}

export interface AcmeParts {
  readonly options: AcmeOptions;
  readonly store: CertificateStore;
  readonly log: Logger;
  /** Called with every certificate that is new to this process: the stored one first. */
  readonly onCertificate: (certificate: KeyAndCertificate) => void;
  readonly onState?: (state: CertificateState) => void;
  /** Resolves once the other edge nodes answer with these challenges as well; rejects if that cannot be had. */
  readonly spread?: (challenges: Challenges) => Promise<void>;
}

/**
 * The certificate of the public names: kept, obtained and renewed over HTTP-01. Of several edge nodes one runs it; the
 * others adopt what it holds and its challenges, and can take over.
 */
export class AcmeCertificates {
  readonly #authority: Authority;
  readonly #settings: string;
  #own: Challenges = {};
  #others: Challenges = {};

  private constructor(
    private readonly parts: AcmeParts,
    private heldNow: Held,
  ) {
    this.#authority = new Authority(parts.options);
    this.#settings = createHash("sha256").update(JSON.stringify(parts.options)).digest("base64url");
  }

  /** Rejects where the store cannot be read. */
  static async open(parts: AcmeParts): Promise<AcmeCertificates> {
    const certificates = new AcmeCertificates(parts, await parts.store.read());
    const current = certificates.current();
    if (current) parts.onCertificate(current);
    certificates.#tell();
    return certificates;
  }

  /** The certificate to serve; none before the first was obtained. */
  current(): KeyAndCertificate | undefined {
    const { certificate: held } = this.heldNow;
    return held && { certificate: held.certificate, privateKey: held.privateKey };
  }

  /** The body that answers GET CHALLENGE_PATH<token>; none for a token that nobody asked to be answered. */
  challengeResponse(token: string): string | undefined {
    for (const challenges of [this.#own, this.#others])
      if (Object.hasOwn(challenges, token)) return challenges[token];
    return undefined;
  }

  /** The challenges of this keeper's own order, for the other nodes. */
  challenges(): Challenges {
    return this.#own;
  }

  /** Answers these as well, instead of those that were adopted before. */
  adoptChallenges(challenges: Challenges): void {
    this.#others = { ...challenges };
  }

  /** All that another keeper needs to take over. Keys are in it. */
  held(): Held {
    return this.heldNow;
  }

  /** Takes over from another keeper what is newer there than here. Rejects where it cannot be stored; it is used even so. */
  async adopt(other: Held): Promise<void> {
    const { account, certificate, failure } = this.heldNow;
    const isNewer = this.#isNewer(other.certificate);
    const isLater = (other.failure?.atMilliseconds ?? 0) > (failure?.atMilliseconds ?? 0);
    const isNewAccount = other.account !== undefined && (isNewer || account === undefined);
    if (!isNewer && !isLater && !isNewAccount) return;
    const kept = this.#hold({
      account: isNewAccount ? other.account : account,
      certificate: isNewer ? other.certificate : certificate,
      failure: isNewer || isLater ? other.failure : failure,
    });
    const current = this.current();
    if (isNewer && current) this.parts.onCertificate(current);
    await kept;
  }

  state(): CertificateState {
    const { certificate: held, failure } = this.heldNow;
    return {
      ...(held && {
        expiresAtSeconds: expiryMilliseconds(held.certificate) / 1000,
        renewalAtSeconds: renewalMilliseconds(held.certificate) / 1000,
      }),
      ...(failure && {
        failure: {
          atSeconds: failure.atMilliseconds / 1000,
          againAtSeconds: failure.againAtMilliseconds / 1000,
          attempts: failure.attempts,
          reason: failure.reason,
        },
      }),
    };
  }

  /** Obtains and renews until the signal. Never rejects: failures are logged, told and tried again, ever more slowly. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const seconds = (this.#dueMilliseconds() - Date.now()) / 1000;
      if (seconds <= 0) await this.#attempt(signal);
      else
        await sleep(Math.min(seconds, LONGEST_SLEEP_SECONDS) * 1000, undefined, { signal }).catch(
          () => undefined,
        );
    }
  }

  #dueMilliseconds(): number {
    const { certificate, failure } = this.heldNow;
    const due = certificate && this.#isAsked(certificate) ? renewalMilliseconds(certificate.certificate) : 0;
    // One of the future tells of a clock that was wrong.
    const counts = failure?.settings === this.#settings && failure.atMilliseconds <= Date.now();
    return counts ? Math.max(due, failure.againAtMilliseconds) : due;
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { log, options, onCertificate } = this.parts;
    const { directoryUrl, names } = options;
    try {
      const account = await this.#authority.account(this.heldNow.account, signal);
      if (account !== this.heldNow.account) await this.#hold({ ...this.heldNow, account });
      const obtained = await this.#authority.obtain(account, (asked) => this.#publish(asked), signal);
      const kept = this.#hold({ account, certificate: { directoryUrl, ...obtained } });
      const expires = new Date(expiryMilliseconds(obtained.certificate));
      log.info({ names, expires }, "a certificate was obtained");
      // Whether or not it can be stored.
      onCertificate(obtained);
      await kept;
      if (renewalDue(obtained.certificate, Date.now()))
        throw new Error(
          "the certificate that came is to be renewed at once: see that this host's clock is right",
        );
    } catch (error) {
      if (!signal.aborted) await this.#failed(error);
    }
    await this.#publish({}).catch(() => undefined);
  }

  async #failed(error: unknown): Promise<void> {
    const { log, options } = this.parts;
    const { account, certificate, failure } = this.heldNow;
    const attempts = failure?.settings === this.#settings ? failure.attempts + 1 : 1;
    const { kind, more } = error instanceof AcmeProblem ? error : { kind: undefined, more: {} };
    const patience = Math.min(more.retryAfterSeconds ?? 0, LONGEST_PATIENCE_SECONDS);
    const seconds = Math.max(backOffSeconds(attempts, options.retry), patience);
    const reason = inWords(error, options);
    log.error({ reason, attempts, againInSeconds: Math.round(seconds) }, "no certificate was obtained");
    const atMilliseconds = Date.now();
    await this.#hold({
      account: kind === "accountDoesNotExist" ? undefined : account,
      certificate,
      failure: {
        settings: this.#settings,
        attempts,
        atMilliseconds,
        againAtMilliseconds: atMilliseconds + seconds * 1000,
        reason,
      },
    }).catch((fault: unknown) => log.error({ reason: messageOf(fault) }, "a failure was not noted"));
  }

  async #publish(challenges: Challenges): Promise<void> {
    const isChange = Object.keys({ ...this.#own, ...challenges }).length > 0;
    this.#own = challenges;
    if (isChange) await this.parts.spread?.(challenges);
  }

  async #hold(held: Held): Promise<void> {
    this.heldNow = held;
    this.#tell();
    await this.parts.store.write(held).catch((error: unknown) => {
      throw new Error(`account and certificate cannot be stored: ${messageOf(error)}`);
    });
  }

  #tell(): void {
    this.parts.onState?.(this.state());
  }

  /** Whether it is what is asked for, of the authority that is asked. */
  #isAsked({ certificate, directoryUrl }: HeldCertificate): boolean {
    const { options } = this.parts;
    return directoryUrl === options.directoryUrl && isFor(certificate, options.names);
  }

  #isNewer(other: HeldCertificate | undefined): boolean {
    if (!other || !this.#isAsked(other)) return false;
    const { certificate: own } = this.heldNow;
    if (!own || !this.#isAsked(own)) return true;
    return expiryMilliseconds(other.certificate) > expiryMilliseconds(own.certificate);
  }
}

type HeldCertificate = NonNullable<Held["certificate"]>;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
