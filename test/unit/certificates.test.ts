import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  checkCertificate,
  expiresSoon,
  privateTrust,
  readCertificates,
  type ProvidedCertificate,
} from "../../components/settings/certificates";
import { oversize } from "../../components/settings/configurationSize";
import { issue } from "../support/certificates";

describe("a stack's configuration", () => {
  it("is refused with its largest setting where Pulumi could not hand it over", () => {
    const values = (length: number) => ({
      "fleet:domain": "meet.school.net",
      "fleet:docker": "x".repeat(length),
    });
    assert.equal(oversize(values(130_000)), undefined);
    assert.match(oversize(values(131_100)) ?? "", /^docker: the settings make 131\d+ bytes, .*docker\.tls/);
    // As the system judges it.
    const run = (length: number): void =>
      void execFileSync("true", { env: { PULUMI_CONFIG: JSON.stringify(values(length)) } });
    run(130_000);
    assert.throws(() => run(131_100), /E2BIG/);
  });
});

describe("a certificate that is provided", () => {
  const [root, other] = [issue("School CA", { isAuthority: true }), issue("Other CA", { isAuthority: true })];
  const middle = issue("School CA 2", { isAuthority: true, authority: root });
  const domain = "meet.school.net";
  const leaf = issue(domain, { authority: middle });
  const chain = leaf.certificate + middle.certificate;
  const good = { certificate: chain, privateKey: leaf.privateKey, ca: root.certificate };
  const day = 86_400_000;

  const faultsOf = (given: ProvidedCertificate, names = [domain], inDays = 0): string[] => {
    const faults: string[] = [];
    checkCertificate(
      given,
      names.map((name) => ({ setting: "domain", name })),
      Date.now() + inDays * day,
      (path, message) => faults.push(`${path}: ${message}`),
    );
    return faults;
  };

  it("is taken with its chain, alone, signed by itself, and for any name below a star", () => {
    for (const given of [good, { certificate: chain, privateKey: leaf.privateKey }, { ...leaf }])
      assert.deepEqual(faultsOf(given), []);
    assert.deepEqual(faultsOf(issue(domain)), []);
    assert.deepEqual(
      faultsOf(issue("x", { names: ["*.school.net", "turn.meet.school.net"] }), [
        domain,
        "turn.meet.school.net",
      ]),
      [],
    );
    assert.deepEqual(faultsOf(issue(domain, { key: ["rsa", "rsa_keygen_bits:2048"] })), []);
    // As editors of other systems write it, and as openssl tells of it.
    assert.deepEqual(
      faultsOf({ ...good, certificate: `subject=x\r\n${chain.replaceAll("\n", "\r\n")}` }),
      [],
    );
  });

  const encrypted = execFileSync("openssl", ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:x"], {
    input: leaf.privateKey,
    encoding: "utf8",
  });
  const bad: readonly [
    what: string,
    given: ProvidedCertificate,
    words: RegExp,
    names?: string[],
    inDays?: number,
  ][] = [
    [
      "another's key",
      { ...good, privateKey: other.privateKey },
      /privateKey: is not the key of tls\.certificate \(CN=meet/,
    ],
    [
      "another name",
      good,
      /certificate: is not for domain, www\.other\.net, but for meet\.school\.net/,
      ["www.other.net"],
    ],
    ["no name but its subject's", issue(domain, { names: [] }), /is not for domain/],
    [
      "a past day of expiry",
      good,
      /certificate: expired on \d{4}-\d\d-\d\d; give the renewed one/,
      [domain],
      91,
    ],
    ["a future beginning", good, /certificate: is not valid before/, [domain], -2],
    ["an encrypted key", { ...good, privateKey: encrypted }, /privateKey: is encrypted.*openssl pkey/],
    [
      "an encrypted key of the old form",
      { ...good, privateKey: leaf.privateKey.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n") },
      /privateKey: is encrypted/,
    ],
    [
      "the authority first",
      { ...good, certificate: middle.certificate + leaf.certificate },
      /own certificate in 2\. place; put it first/,
    ],
    [
      "another's intermediate",
      { ...good, certificate: leaf.certificate + other.certificate },
      /is out of order: CN=Other CA did not sign/,
    ],
    ["half of it", { ...good, certificate: chain.slice(0, -200) }, /certificate: is cut off/],
    [
      "a damaged line",
      { ...good, certificate: chain.replace(/\n[^-\n]{64}\n/, "\n") },
      /certificate: cannot be read the 1\. of its 2/,
    ],
    ["half of a key", { ...good, privateKey: leaf.privateKey.slice(0, 80) }, /privateKey: cannot be read/],
    [
      "its key in it",
      { ...good, certificate: chain + leaf.privateKey },
      /certificate: .*more in it than certificates/,
    ],
    ["a short key", issue(domain, { key: ["rsa", "rsa_keygen_bits:1024"] }), /privateKey: is of 1024 bits/],
    [
      "another authority as ca",
      { ...good, ca: other.certificate },
      /ca: did not sign the last of tls\.certificate, which CN=School CA signed/,
    ],
    ["a ca that is cut off", { ...good, ca: root.certificate.slice(0, 100) }, /ca: is cut off/],
  ];
  for (const [what, given, words, names, inDays] of bad)
    it(`with ${what} is refused`, () => {
      const faults = faultsOf(given, names, inDays);
      assert(
        faults.some((fault) => words.test(fault)),
        `${String(words)} is not among ${faults.join("\n")}`,
      );
      assert.doesNotMatch(faults.join(), /MII/);
    });

  it("that expires soon is told of in time", () => {
    assert.equal(expiresSoon(chain, Date.now()), undefined);
    assert.equal(expiresSoon(chain, Date.now() + 80 * day), 9);
    assert.equal(expiresSoon("no PEM", Date.now()), undefined);
  });

  it("of an authority that browsers do not know is trusted by the key that outlives it", () => {
    const pin = ({ certificate }: { certificate: string }): string =>
      execFileSync(
        "sh",
        [
          "-c",
          "openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64",
        ],
        { input: certificate, encoding: "utf8" },
      ).trim();
    assert.deepEqual(privateTrust(good), [pin(root)]);
    assert.deepEqual(privateTrust({ ...good, ca: undefined }), [pin(middle)]);
    assert.deepEqual(privateTrust(leaf), [pin(leaf)]);
  });

  it("can be read, or it is said why not", () => {
    assert.equal(readCertificates(chain).length, 2);
    assert.match(String(readCertificates("")), /is cut off/);
  });
});
