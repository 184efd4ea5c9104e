import { AsyncLocalStorage } from "node:async_hooks";
import { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { axios, Client, crypto } from "acme-client";
import { z } from "zod";
import type { AcmeOptions } from "./options";
import { AcmeProblem } from "./problems";
import type { Account } from "./store";
import { expiryMilliseconds, isFor, isPair, type KeyAndCertificate } from "./validity";

/** What answers http://<name>/.well-known/acme-challenge/<token>: the texts, by token. */
export type Challenges = Readonly<Record<string, string>>;

const REQUEST_LIMIT_SECONDS = 30;
const LONGEST_ANSWER_BYTES = 1 << 20;
/** How long the authority may take for the checks of all names, and for the certificate. */
const DECISION_LIMIT_SECONDS = 120;
const FIRST_POLL_MILLISECONDS = 250;
const LONGEST_POLL_MILLISECONDS = 5000;

/** How requests are made: acme-client has one HTTP client for all that use it. */
interface Connection {
  readonly httpsAgent: Agent;
  readonly signal: AbortSignal;
}
const connections = new AsyncLocalStorage<Connection>();
Object.assign(axios.defaults, {
  timeout: REQUEST_LIMIT_SECONDS * 1000,
  maxContentLength: LONGEST_ANSWER_BYTES,
});
// Its own interceptors try again within a request, for as long as a Retry-After says, and lose a network's error.
axios.interceptors.request.clear();
axios.interceptors.response.clear();
axios.interceptors.request.use((config) => Object.assign(config, connections.getStore()));
// It would keep the words of a problem alone.
axios.interceptors.response.use((response) => {
  const found = response.status < 400 ? undefined : problemIn(response);
  // This one it answers by itself, with the nonce that came with it.
  if (found && found.kind !== "badNonce") throw found;
  return response;
});

const problemDocument = z.object({ type: z.string(), detail: z.string().default("") });

interface Answer {
  readonly status: number;
  readonly data: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

function problemIn({ data, headers, status }: Answer): AcmeProblem {
  const retryAfterSeconds = secondsUntil(headers["retry-after"]);
  const more = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  const document = problemDocument.safeParse(data);
  if (!document.success) return new AcmeProblem(`HTTP ${status}`, "no reason given", more);
  return new AcmeProblem(kindOf(document.data.type), document.data.detail, more);
}

const kindOf = (type: string): string => type.replace(/^urn:ietf:params:acme:error:/, "");

/** Of a Retry-After: seconds, or a date. */
function secondsUntil(header: unknown): number | undefined {
  if (typeof header !== "string" || header === "") return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

/** A certification authority that speaks ACME, as one account sees it. What it refuses is an AcmeProblem. */
export class Authority {
  readonly #agent: Agent;

  constructor(private readonly options: AcmeOptions) {
    this.#agent = new Agent(options.caCertificate === undefined ? {} : { ca: options.caCertificate });
  }

  /** The account there: the one that is known, if it is this authority's, else a new one. */
  async account(known: Account | undefined, signal: AbortSignal): Promise<Account> {
    const { directoryUrl, email, externalAccount } = this.options;
    const isOfThis = known?.directoryUrl === directoryUrl;
    if (isOfThis && known.email === email) return known;
    const privateKey = isOfThis ? known.privateKey : String(await crypto.createPrivateEcdsaKey("P-256"));
    const client = new Client({
      directoryUrl,
      accountKey: privateKey,
      ...(isOfThis ? { accountUrl: known.url } : {}),
      ...(externalAccount === undefined
        ? {}
        : { externalAccountBinding: { kid: externalAccount.keyId, hmacKey: externalAccount.hmacKey } }),
    });
    const contact = [`mailto:${email}`];
    await this.#connected(signal, async () => {
      if (isOfThis) await client.updateAccount({ contact });
      else await client.createAccount({ termsOfServiceAgreed: true, contact });
    });
    return { directoryUrl, email, url: client.getAccountUrl(), privateKey };
  }

  /**
   * Orders a certificate for all names, with a key of its own.
   * @param publish resolves once every edge node answers with these challenges
   */
  obtain(
    { privateKey: accountKey, url: accountUrl }: Account,
    publish: (challenges: Challenges) => Promise<void>,
    signal: AbortSignal,
  ): Promise<KeyAndCertificate> {
    const { directoryUrl, names } = this.options;
    const client = new Client({ directoryUrl, accountKey, accountUrl });
    return this.#connected(signal, async () => {
      let order = await client.createOrder({ identifiers: names.map((value) => ({ type: "dns", value })) });
      const pending = (await client.getAuthorizations(order)).filter(({ status }) => status === "pending");
      const challenges = pending.map(({ challenges: offered, identifier }) => {
        const challenge = offered.find(({ type }) => type === "http-01");
        if (challenge) return challenge;
        throw new Error(
          `the authority offers no HTTP-01 challenge for ${identifier.value}, and no other can be met`,
        );
      });
      const answers = challenges.map(
        async (challenge) => [challenge.token, await client.getChallengeKeyAuthorization(challenge)] as const,
      );
      await publish(Object.fromEntries(await Promise.all(answers)));
      for (const challenge of challenges) await client.completeChallenge(challenge);
      // Of names that it checked a while ago, the authority may not ask again: the order is ready at once.
      const until = (status: "ready" | "valid"): Promise<typeof order> =>
        this.#until(status, client, order, signal);
      order = await until("ready");

      const [privateKey, request] = await crypto.createCsr(
        { altNames: [...names] },
        await crypto.createPrivateEcdsaKey("P-256"),
      );
      order = await client.finalizeOrder(order, request);
      order = await until("valid");
      const obtained = { certificate: await client.getCertificate(order), privateKey: String(privateKey) };
      this.#check(obtained);
      return obtained;
    });
  }

  /** Waits until the authority has checked the names, or made the certificate. Throws what it has against them. */
  async #until(
    status: "ready" | "valid",
    client: Client,
    asked: Awaited<ReturnType<Client["createOrder"]>>,
    signal: AbortSignal,
  ): Promise<typeof asked> {
    const limit = performance.now() + DECISION_LIMIT_SECONDS * 1000;
    for (let wait = FIRST_POLL_MILLISECONDS; ; wait = Math.min(2 * wait, LONGEST_POLL_MILLISECONDS)) {
      const order = await client.getOrder(asked);
      if (order.status === "invalid") throw await whyInvalid(client, order);
      if (order.status === status) return order;
      if (performance.now() > limit)
        throw new Error(`the authority leaves the order ${order.status} for ${DECISION_LIMIT_SECONDS} s`);
      await sleep(wait, undefined, { signal });
    }
  }

  /** HAProxy would take what is not for the name, and browsers would not. */
  #check(obtained: KeyAndCertificate): void {
    const { names } = this.options;
    if (!isPair(obtained) || !isFor(obtained.certificate, names))
      throw new Error(`the certificate that came is not for ${names.join(", ")} and its key`);
    if (expiryMilliseconds(obtained.certificate) < Date.now())
      throw new Error("the certificate that came has expired: see that this host's clock is right");
  }

  #connected<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    return connections.run({ httpsAgent: this.#agent, signal }, work);
  }
}

/** The authority tells with each name what it met there. */
async function whyInvalid(
  client: Client,
  order: Awaited<ReturnType<Client["createOrder"]>>,
): Promise<AcmeProblem> {
  for (const { challenges, identifier } of await client.getAuthorizations(order))
    for (const { error } of challenges) {
      const document = problemDocument.safeParse(error);
      if (document.success)
        return new AcmeProblem(kindOf(document.data.type), document.data.detail, {
          challenged: identifier.value,
        });
    }
  const document = problemDocument.safeParse(order.error);
  return document.success
    ? new AcmeProblem(kindOf(document.data.type), document.data.detail)
    : new AcmeProblem("invalid", "the order was refused without a reason");
}
