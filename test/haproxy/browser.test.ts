import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { providedPem } from "../../components/edge";
import { jibriContainer } from "../../components/jitsi/jibri";
import { privateTrust } from "../../components/settings/certificates";
import { issue } from "../support/certificates";
import { EdgeUnderTest } from "./edgeUnderTest";
import { StandInShard } from "./standInShard";

const DOMAIN = "meet.school.net";

describe("Jibri's browser before the edge (real Chromium)", function () {
  this.timeout(300_000);
  const shard = new StandInShard("s1");
  const root = issue("School CA", { isAuthority: true });
  const middle = issue("School CA 2", { isAuthority: true, authority: root });
  const leaf = issue(DOMAIN, { authority: middle });
  const chain = { certificate: leaf.certificate + middle.certificate, privateKey: leaf.privateKey };
  let port = 0;
  before(async () => {
    port = await shard.listen();
  });
  after(() => shard.close());

  /** The flags that custom-jibri.conf adds for keys. */
  function flagsFor(trustedKeys: readonly string[]): string[] {
    const { files } = jibriContainer(
      { name: "jibris-1", publicAddress: "127.0.0.1", privateAddress: "127.0.0.1", mediaPort: "0" },
      {
        images: { registry: "ghcr.io/jitsi", release: "stable-1" },
        publicUrl: `https://${DOMAIN}`,
        edge: { domain: DOMAIN, addresses: ["127.0.0.1"] },
        shards: [],
        acceptAnyCertificate: false,
        trustedKeys,
        passwords: { xmpp: "x", recorder: "x" },
      },
    );
    const text = files.map(({ content }) => content as string).join("\n");
    return [...text.matchAll(/^jibri\.chrome\.flags \+= "(.*)"$/gm)].map(([, flag = ""]) => flag);
  }

  async function pageWith(
    pem: string,
    flags: readonly string[],
  ): Promise<{ readonly page: string; readonly log: string }> {
    const edge = await EdgeUnderTest.create(1, pem);
    const profile = mkdtempSync(join(tmpdir(), "fleet-chromium-"));
    try {
      const web = { address: "127.0.0.1", port };
      await edge.start({ servers: [{ name: "s1", number: 1, release: "r1", web }] });
      // As chromedriver starts it: with a profile of its own.
      const { stderr, stdout } = await promisify(execFile)(
        "chromium",
        [
          ...[
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--enable-logging=stderr",
          ],
          ...[`--user-data-dir=${profile}`, `--host-resolver-rules=MAP ${DOMAIN} 127.0.0.1`, ...flags],
          ...["--dump-dom", `https://${DOMAIN}:${edge.nodes[0]?.ports.https}/room`],
        ],
        { timeout: 120_000 },
      );
      return { page: stdout, log: stderr };
    } finally {
      await edge.stop();
      rmSync(profile, { recursive: true, force: true });
    }
  }

  for (const [what, given] of [
    ["whose authority is given", { ...chain, ca: root.certificate }],
    ["whose intermediate alone is given", chain],
    ["that signed itself", issue(DOMAIN)],
  ] as const)
    it(`opens a page with a certificate ${what}`, async () => {
      const { log, page } = await pageWith(providedPem(given), flagsFor(privateTrust(given)));
      assert.match(page, /s1/, log);
    });

  it("opens none with one that another authority signed for the same name", async () => {
    const flags = flagsFor(privateTrust({ ...chain, ca: root.certificate }));
    const { log, page } = await pageWith(providedPem(issue(DOMAIN)), flags);
    assert.doesNotMatch(page, /s1/);
    // ERR_CERT_AUTHORITY_INVALID
    assert.match(log, /net_error -202/);
  });
});
