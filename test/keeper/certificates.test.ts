import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, createServer as createTlsServer } from "node:tls";
import pino from "pino";
import {
  AcmeCertificates,
  CHALLENGE_PATH,
  type AcmeParts,
} from "../../scaler/keeper/certificates/acmeCertificates";
import { acmeOptions, type AcmeOptions } from "../../scaler/keeper/certificates/options";
import { DirectoryStore, heldSchema, type Held } from "../../scaler/keeper/certificates/store";
import {
  renewalDue,
  renewalMilliseconds,
  type KeyAndCertificate,
} from "../../scaler/keeper/certificates/validity";
import { freePort } from "../support/freePort";
import { ownCertificate, Pebble } from "./pebble";

const NAME = "meet.school.net";
const EXTERNAL_ACCOUNT = {
  keyId: "kid-of-the-operator",
  hmacKey: Buffer.from("a secret of the operator and the authority").toString("base64url"),
};

/** All that is logged in these tests. */
let logged = "";
const log = pino({ base: {} }, { write: (line: string) => void (logged += line) });

type Opened = Partial<Omit<AcmeParts, "options">>;

/** One keeper's certificates, with a directory of their own. Opened again they are the next process's. */
class Keeper {
  readonly directory = mkdtempSync(join(tmpdir(), "fleet-certificates-"));
  /** What HAProxy was given. */
  readonly came: KeyAndCertificate[] = [];
  certificates!: AcmeCertificates;
  private end = new AbortController();
  private running = Promise.resolve();

  async open(options: AcmeOptions, more: Opened = {}): Promise<void> {
    await this.close();
    this.certificates = await AcmeCertificates.open({
      options,
      store: new DirectoryStore(this.directory, log),
      log,
      onCertificate: (certificate) => this.came.push(certificate),
      ...more,
    });
  }

  async run(options: AcmeOptions, more: Opened = {}): Promise<void> {
    await this.open(options, more);
    this.end = new AbortController();
    this.running = this.certificates.run(this.end.signal);
  }

  async close(): Promise<void> {
    this.end.abort();
    await this.running;
  }

  get attempts(): number {
    return this.certificates.state().failure?.attempts ?? 0;
  }

  get reason(): string {
    return this.certificates.state().failure?.reason ?? "";
  }

  get file(): string {
    return join(this.directory, "acme.json");
  }

  get held(): Held {
    return heldSchema.parse(JSON.parse(readFileSync(this.file, "utf8")));
  }
}

async function until(isSo: () => boolean, keeper: Keeper): Promise<void> {
  const limit = Date.now() + 120_000;
  while (!isSo()) {
    assert(Date.now() < limit, `not within 120 s; ${JSON.stringify(keeper.certificates.state())}`);
    await sleep(20);
  }
}

/** Serves with it, and connects as a browser that trusts this root alone. Rejects where the browser would refuse. */
async function browse({ certificate, privateKey }: KeyAndCertificate, root: string): Promise<void> {
  const server = createTlsServer({ cert: certificate, key: privateKey }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: "127.0.0.1", servername: NAME, ca: root });
  try {
    await once(socket, "secureConnect");
  } finally {
    socket.destroy();
    server.close();
  }
}

describe("when a certificate is renewed", () => {
  const made = [ownCertificate(), ownCertificate()].map(({ certificate }) => certificate);
  const fractionLeft = (certificate: string): number => {
    const { validFrom, validTo } = new X509Certificate(certificate);
    const left = Date.parse(validTo) - renewalMilliseconds(certificate);
    return left / (Date.parse(validTo) - Date.parse(validFrom));
  };

  it("is with a third of its life left or a little more, and not for all at once", () => {
    const left = made.map(fractionLeft);
    for (const fraction of left) assert(fraction >= 1 / 3 && fraction <= 1 / 3 + 1 / 20, `${fraction}`);
    assert.notEqual(left[0], left[1]);
  });

  it("does not change from look to look", () => {
    const [certificate = ""] = made;
    const at = renewalMilliseconds(certificate);
    for (let look = 0; look < 5; look++) assert.equal(renewalMilliseconds(certificate), at);
    assert.equal(renewalDue(certificate, at - 1), false);
    assert.equal(renewalDue(certificate, at), true);
  });
});

describe("certificates by ACME", () => {
  const pebble = new Pebble();
  const pebbles: Pebble[] = [pebble];
  const keepers: Keeper[] = [];
  const servers: (Server | HttpsServer)[] = [];

  const newKeeper = (): Keeper => {
    const keeper = new Keeper();
    keepers.push(keeper);
    return keeper;
  };
  const optionsFor = (
    { directoryUrl, ownCertificate: caCertificate }: Pick<Pebble, "directoryUrl" | "ownCertificate">,
    more: Partial<AcmeOptions> = {},
  ): AcmeOptions =>
    acmeOptions.parse({
      directoryUrl,
      caCertificate,
      email: "operator@school.net",
      names: [NAME],
      retry: { firstSeconds: 0.2, longestSeconds: 0.8 },
      ...more,
    });
  /** As HAProxy passes challenges on to a keeper, wherever the authority looks for them. */
  const answer = async (where: Pebble, keeper: Keeper): Promise<Server> => {
    const server = createServer((request, response) => {
      const path = request.url ?? "";
      const token = path.startsWith(CHALLENGE_PATH) ? path.slice(CHALLENGE_PATH.length) : "";
      const body = keeper.certificates.challengeResponse(token);
      response.writeHead(body === undefined ? 404 : 200).end(body ?? "there is nothing here\n");
    }).listen(where.httpPort, "127.0.0.1");
    servers.push(server);
    await once(server, "listening");
    return server;
  };
  /** A stand-in for an authority, to be told what pebble never tells. */
  const authority = async (
    reply: (method: string, path: string) => { status: number; headers?: object; body?: object } | undefined,
  ): Promise<Pick<Pebble, "directoryUrl" | "ownCertificate">> => {
    const own = ownCertificate();
    const server = createHttpsServer({ cert: own.certificate, key: own.privateKey }, (request, response) => {
      request.resume();
      const told = reply(request.method ?? "", request.url ?? "");
      if (!told) return;
      response.writeHead(told.status, { "Content-Type": "application/json", ...told.headers });
      response.end(told.body && JSON.stringify(told.body));
    }).listen(0, "127.0.0.1");
    servers.push(server);
    await once(server, "listening");
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { directoryUrl: `${url}/directory`, ownCertificate: own.certificate };
  };

  before(() => pebble.start());
  afterEach(async () => {
    for (const keeper of keepers.splice(0)) {
      await keeper.close();
      rmSync(keeper.directory, { recursive: true });
    }
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    for (const extra of pebbles.splice(1)) await extra.stop();
    await pebble.leadsTo("127.0.0.1");
  });
  after(async () => {
    await pebble.stop();
    assert.match(logged, /a certificate was obtained/);
    assert(!logged.includes("PRIVATE KEY"), "a key was logged");
    assert(!logged.includes(EXTERNAL_ACCOUNT.hmacKey), "the binding's key was logged");
  });

  it("obtains one that a browser takes, and the next process has it without asking", async () => {
    const keeper = newKeeper();
    await answer(pebble, keeper);
    await keeper.run(optionsFor(pebble));
    assert.equal(keeper.certificates.current(), undefined);
    await until(() => keeper.came.length > 0, keeper);
    const [obtained] = keeper.came;
    assert(obtained);
    await browse(obtained, await pebble.root());
    const { expiresAtSeconds, failure } = keeper.certificates.state();
    const { validTo } = new X509Certificate(obtained.certificate);
    assert.deepEqual([expiresAtSeconds, failure], [Date.parse(validTo) / 1000, undefined]);
    await keeper.close();
    assert.deepEqual(keeper.certificates.challenges(), {});

    assert.deepEqual(readdirSync(keeper.directory), ["acme.json"]);
    assert.equal(statSync(keeper.file).mode & 0o777, 0o600);
    const { requests } = pebble.counts();
    await keeper.run(optionsFor(pebble));
    await sleep(300);
    assert.deepEqual(keeper.came, [obtained, obtained]);
    assert.equal(pebble.counts().requests, requests);
  });

  it("obtains another where the names are others, with the account that there is", async () => {
    const keeper = newKeeper();
    await answer(pebble, keeper);
    await keeper.run(optionsFor(pebble));
    await until(() => keeper.came.length === 1, keeper);
    const { accounts } = pebble.counts();
    await keeper.run(optionsFor(pebble, { names: [NAME, "calls.school.net"], email: "other@school.net" }));
    await until(() => keeper.came.length === 3, keeper);
    const { subjectAltName } = new X509Certificate(keeper.came[2]?.certificate ?? "");
    assert.match(subjectAltName ?? "", /calls\.school\.net/);
    assert.equal(pebble.counts().accounts, accounts);
    assert.equal(keeper.held.account?.email, "other@school.net");
  });

  it("renews when it is due, with another key and the same account", async () => {
    const brief = new Pebble();
    pebbles.push(brief);
    await brief.start({ lifetimeSeconds: 5 });
    const keeper = newKeeper();
    await answer(brief, keeper);
    await keeper.run(optionsFor(brief));
    await until(() => keeper.came.length === 1, keeper);
    const [first] = keeper.came;
    assert(first);
    const due = renewalMilliseconds(first.certificate);
    await until(() => keeper.came.length === 2, keeper);
    assert(Date.now() >= due, "it was renewed before it was due");
    const [, second] = keeper.came;
    assert(second);
    await browse(second, await brief.root());
    assert.notEqual(second.privateKey, first.privateKey);
    assert.equal(brief.counts().accounts, 1);
  });

  it("obtains one without a challenge, where the authority does not look again", async () => {
    const remembering = new Pebble();
    pebbles.push(remembering);
    await remembering.start({ remembers: true });
    const keeper = newKeeper();
    const server = await answer(remembering, keeper);
    await keeper.run(optionsFor(remembering));
    await until(() => keeper.came.length === 1, keeper);
    server.close();
    await keeper.close();
    const { account } = keeper.held;
    writeFileSync(keeper.file, JSON.stringify({ account }));
    await keeper.run(optionsFor(remembering));
    await until(() => keeper.came.length === 2, keeper);
    assert.equal(keeper.attempts, 0);
  });

  it("hands other nodes its challenges before the authority looks, and what it takes to take over", async () => {
    const [leader, follower] = [newKeeper(), newKeeper()];
    await follower.open(optionsFor(pebble));
    // The authority meets the follower alone.
    await answer(pebble, follower);
    const spread: string[][] = [];
    await leader.run(optionsFor(pebble), {
      spread: (challenges) => {
        spread.push(Object.keys(challenges));
        follower.certificates.adoptChallenges(challenges);
        return Promise.resolve();
      },
    });
    await until(() => leader.came.length > 0, leader);
    await leader.close();
    assert.deepEqual(
      spread.map(({ length }) => length),
      [1, 0],
    );
    assert.equal(follower.certificates.challengeResponse(spread[0]?.[0] ?? ""), undefined);

    await follower.certificates.adopt(leader.certificates.held());
    await follower.certificates.adopt(leader.certificates.held());
    await leader.certificates.adopt(follower.certificates.held());
    assert.deepEqual(follower.came, leader.came);
    assert.deepEqual(follower.held, leader.held);
    const { requests } = pebble.counts();
    await follower.run(optionsFor(pebble));
    await sleep(300);
    assert.equal(pebble.counts().requests, requests);
  });

  it("does not take from another keeper what is for other names, or older", async () => {
    const [leader, follower] = [newKeeper(), newKeeper()];
    await answer(pebble, leader);
    await leader.run(optionsFor(pebble));
    await until(() => leader.came.length === 1, leader);
    const old = leader.certificates.held();
    await follower.open(optionsFor(pebble, { names: ["other.school.net"] }));
    await follower.certificates.adopt(old);
    assert.equal(follower.certificates.current(), undefined);

    // Asked for anew, where none is.
    rmSync(leader.file);
    await sleep(1100 - (Date.now() % 1000));
    await leader.run(optionsFor(pebble));
    await until(() => leader.came.length === 2, leader);
    await leader.certificates.adopt(old);
    assert.deepEqual(leader.certificates.current(), leader.came[1]);
    assert.equal(leader.came.length, 2);
  });

  for (const [fault, spoil, words] of [
    [
      "no name leads here",
      () => pebble.leadsTo(),
      /finds no address of meet\.school\.net: give it A records with the public addresses/,
    ],
    ["nothing answers on port 80", undefined, /cannot connect to http:\/\/meet\.school\.net.*open port 80/],
    [
      "another server answers",
      (stranger: Keeper) => answer(pebble, stranger),
      /something else than this fleet answers.*lead to edge nodes alone/,
    ],
  ] as const)
    it(`tries again, ever more slowly, where ${fault}, and says so; once it is mended it succeeds`, async () => {
      const [keeper, stranger] = [newKeeper(), newKeeper()];
      await stranger.open(optionsFor(pebble));
      await spoil?.(stranger);
      const { orders } = pebble.counts();
      await keeper.run(optionsFor(pebble));
      await until(() => keeper.attempts === 3, keeper);
      assert.match(keeper.reason, words);
      const { failure } = keeper.certificates.state();
      assert(failure && failure.againAtSeconds - failure.atSeconds >= 0.4, JSON.stringify(failure));
      assert.equal(pebble.counts().orders - orders, 3);
      assert.equal(keeper.certificates.current(), undefined);

      for (const server of servers.splice(0)) {
        server.close();
        await once(server, "close");
      }
      await answer(pebble, keeper);
      await pebble.leadsTo("127.0.0.1");
      await until(() => keeper.came.length > 0, keeper);
      assert.equal(keeper.certificates.state().failure, undefined);
    });

  it("asks no sooner after a restart, nor from another node; with other settings at once", async () => {
    const patient = { retry: { firstSeconds: 600, longestSeconds: 3600 } };
    const keeper = newKeeper();
    await keeper.run(optionsFor(pebble, patient));
    await until(() => keeper.attempts === 1, keeper);
    const { requests } = pebble.counts();
    for (let restart = 0; restart < 3; restart++) {
      await keeper.run(optionsFor(pebble, patient));
      await sleep(100);
    }
    const successor = newKeeper();
    await successor.open(optionsFor(pebble, patient));
    await successor.certificates.adopt(keeper.certificates.held());
    await successor.run(optionsFor(pebble, patient));
    await sleep(100);
    assert.equal(pebble.counts().requests, requests);
    assert.deepEqual([keeper.attempts, successor.attempts], [1, 1]);
    await answer(pebble, keeper);
    await keeper.run(optionsFor(pebble, { ...patient, names: ["calls.school.net"] }));
    await until(() => keeper.came.length > 0, keeper);
  });

  it("asks neither again and again nor never, where its clock is wrong", async () => {
    const keeper = newKeeper();
    await answer(pebble, keeper);
    const { orders } = pebble.counts();
    // Pebble's certificates last five years.
    const wrong = Date.now() + 4.9 * 365.25 * 24 * 3_600_000;
    mock.timers.enable({ apis: ["Date"], now: wrong });
    try {
      await keeper.run(optionsFor(pebble));
      await once(AbortSignal.timeout(1500), "abort");
      assert.match(keeper.reason, /renewed at once: see that this host's clock is right/);
      assert.deepEqual([keeper.came.length, pebble.counts().orders - orders], [1, 1]);
      await keeper.close();
    } finally {
      mock.timers.reset();
    }
    const { failure } = keeper.held;
    writeFileSync(keeper.file, JSON.stringify({ failure }));
    await keeper.run(optionsFor(pebble));
    await until(() => keeper.came.length === 2, keeper);
  });

  it("keeps the certificate that it has while its renewal fails", async () => {
    const brief = new Pebble();
    pebbles.push(brief);
    await brief.start({ lifetimeSeconds: 5 });
    const keeper = newKeeper();
    await answer(brief, keeper);
    await keeper.run(optionsFor(brief));
    await until(() => keeper.came.length > 0, keeper);
    await brief.leadsTo();
    await until(() => /finds no address/.test(keeper.reason), keeper);
    assert.deepEqual(keeper.certificates.current(), keeper.came.at(-1));
    await keeper.close();
    const last = keeper.came.length;

    const follower = newKeeper();
    await follower.open(optionsFor(brief));
    const { failure, ...withoutFailure } = keeper.certificates.held();
    assert(failure);
    await follower.certificates.adopt(withoutFailure);
    await follower.certificates.adopt({ ...withoutFailure, failure });
    assert.deepEqual([follower.came.length, follower.attempts], [1, failure.attempts]);

    await keeper.open(optionsFor(brief));
    assert.equal(keeper.came.length, last + 1);
    assert.match(keeper.reason, /finds no address/);
  });

  it("makes a new account where the authority has forgotten the old one", async () => {
    const keeper = newKeeper();
    await answer(pebble, keeper);
    await keeper.run(optionsFor(pebble));
    await until(() => keeper.came.length === 1, keeper);
    await keeper.close();
    const { account } = keeper.held;
    assert(account);
    const forgotten = { ...account, url: `${account.url}0` };
    writeFileSync(keeper.file, JSON.stringify({ account: forgotten }));
    await keeper.run(optionsFor(pebble));
    await until(() => keeper.came.length === 2, keeper);
    assert.match(logged, /does not know the account any more/);
    assert.notEqual(keeper.held.account?.privateKey, account.privateKey);
  });

  it("binds its account to one that the authority gave", async () => {
    const bound = new Pebble();
    pebbles.push(bound);
    await bound.start({ externalAccounts: { [EXTERNAL_ACCOUNT.keyId]: EXTERNAL_ACCOUNT.hmacKey } });
    const keeper = newKeeper();
    await answer(bound, keeper);
    // Other settings are tried at once.
    const patient = { retry: { firstSeconds: 600, longestSeconds: 3600 } };
    await keeper.run(optionsFor(bound, patient));
    await until(() => keeper.attempts > 0, keeper);
    assert.match(keeper.reason, /set tls\.eab/);
    const wrong = { ...EXTERNAL_ACCOUNT, hmacKey: Buffer.from("another secret").toString("base64url") };
    await keeper.run(optionsFor(bound, { ...patient, externalAccount: wrong }));
    await until(() => /tls\.eab.*is what the authority gave/.test(keeper.reason), keeper);
    await keeper.run(optionsFor(bound, { ...patient, externalAccount: EXTERNAL_ACCOUNT }));
    await until(() => keeper.came.length > 0, keeper);
  });

  it("waits as long as an authority asks whose rate limit is reached", async () => {
    const detail = "too many certificates already issued";
    const limited = await authority((method, path) => {
      if (path === "/directory")
        return {
          status: 200,
          body: { newNonce: `${limited.directoryUrl}/nonce`, newAccount: `${limited.directoryUrl}/account` },
        };
      if (method === "HEAD") return { status: 200, headers: { "Replay-Nonce": "once" } };
      const body = { type: "urn:ietf:params:acme:error:rateLimited", detail };
      return { status: 429, headers: { "Retry-After": "7200" }, body };
    });
    const keeper = newKeeper();
    await keeper.run(optionsFor(limited));
    await until(() => keeper.attempts > 0, keeper);
    const { failure } = keeper.certificates.state();
    assert(failure);
    assert.match(failure.reason, /rate limit is reached.*too many certificates already issued/);
    assert.equal(Math.round(failure.againAtSeconds - failure.atSeconds), 7200);
  });

  it("says what is wrong with the authority's address", async () => {
    const words = async (options: AcmeOptions): Promise<string> => {
      const keeper = newKeeper();
      await keeper.run(options);
      await until(() => keeper.attempts > 0, keeper);
      return keeper.reason;
    };
    const untrusted = optionsFor(pebble, { caCertificate: ownCertificate().certificate });
    assert.match(await words(untrusted), /certificate that is not trusted: give in tls\.ca/);
    const silent = optionsFor(pebble, { directoryUrl: `https://127.0.0.1:${await freePort()}/dir` });
    assert.match(await words(silent), /does not answer: see that tls\.directoryUrl is right/);
    const other = await authority(() => ({ status: 200, body: { hello: "there" } }));
    assert.match(await words(optionsFor(other)), /no ACME directory: see that tls\.directoryUrl is right/);
    const down = await authority(() => ({ status: 503 }));
    assert.match(await words(optionsFor(down)), /refuses: HTTP 503/);
  });

  it("ends when it is told to, whatever the authority does", async function () {
    // Its own limit of a request, 30 s, is above this.
    this.timeout(29_000);
    let asked = 0;
    const hanging = await authority(() => void (asked += 1));
    const keeper = newKeeper();
    await keeper.run(optionsFor(hanging));
    await until(() => asked > 0, keeper);
    await keeper.close();
    assert.equal(keeper.attempts, 0);
  });

  it("uses a certificate that it cannot store, and says so", async () => {
    const keeper = newKeeper();
    await answer(pebble, keeper);
    const { orders } = pebble.counts();
    const write = (held: Held): Promise<void> =>
      held.certificate ? Promise.reject(new Error("ENOSPC: no space left on device")) : Promise.resolve();
    await keeper.run(optionsFor(pebble), { store: { read: () => Promise.resolve({}), write } });
    await until(() => keeper.attempts > 0, keeper);
    assert.match(keeper.reason, /cannot be stored: ENOSPC/);
    assert.equal(keeper.came.length, 1);
    await sleep(700);
    assert.equal(pebble.counts().orders - orders, 1);
  });

  it("makes anew what a damaged file held", async () => {
    const keeper = newKeeper();
    await answer(pebble, keeper);
    writeFileSync(keeper.file, '{"account": {"privateKey": "-----BEGIN PRIVATE KEY-----');
    await keeper.run(optionsFor(pebble));
    await until(() => keeper.came.length === 1, keeper);
    await keeper.close();
    assert.deepEqual(readdirSync(keeper.directory).sort(), ["acme.json", "acme.json.damaged"]);
  });
});
