import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";

import { filesOf } from "../../components/docker/files";
import { shardContainers } from "../../components/jitsi/shard";
import { privateNetworks } from "../../components/settings/ipv4Range";
import type { ContainerSpec } from "../../components/platform";
import { insideLuaQuotes } from "../../components/quoting";
import { parseSettings } from "../../components/settings";
import { goodSettings } from "../unit/goodSettings";
import { BoshParticipant, type Account } from "./boshClient";
import { eventually, freePorts, type StandinProcess } from "./processes";
import { send } from "./recordings";
import { ShardProsody } from "./shardProsody";

/** All that means something in Lua or in a shell, an escape of Lua's, and a letter that is not ASCII. */
const AWKWARD = `a"b'c\\d$e\`f#g{h}i%j\\116ß`;
const ROOM = "room1@muc.meet.jitsi";

const address = {
  place: "a",
  publicAddress: "198.51.100.11",
  privateAddress: "10.213.0.11",
  endpoints: { web: { address: "10.213.0.11", port: 21001 }, xmpp: { address: "10.213.0.11", port: 22001 } },
};
const passwords = { jicofo: "jicofo-1", bridges: "bridges-1", jibris: "jibris-1", recorder: "recorder-1" };

/** A shard's Prosody as the program declares it. */
function prosodyOf(auth: Record<string, unknown>, secrets = passwords): ContainerSpec {
  const settings = parseSettings({ ...goodSettings(), auth }, "test");
  const [prosody] = shardContainers({
    privateNetworks,
    name: "s1",
    publicUrl: "https://meet.school.net",
    images: { registry: "ghcr.io/jitsi", release: "stable" },
    address,
    auth: settings.auth,
    recordings: { record: true, stream: false },
    peerToPeer: settings.peerToPeer,
    secrets,
  });
  assert(prosody);
  return prosody;
}

function token(claims: object, key: string): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

describe("a shard's Prosody", function () {
  this.timeout(600_000);
  let prosody: ShardProsody;
  let running: StandinProcess | undefined;
  let bosh: string;

  beforeEach(() => {
    prosody = new ShardProsody();
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(running?.output().slice(-3000));
    await running?.stop();
    running = undefined;
    prosody.remove();
  });

  async function started(spec: ContainerSpec): Promise<void> {
    await running?.stop();
    const [c2s = 0, http = 0] = await freePorts(2);
    running = await prosody.start(spec, { XMPP_PORT: String(c2s), PROSODY_HTTP_PORT: String(http) });
    bosh = `http://127.0.0.1:${http}/http-bind`;
    await eventually(60, async () => assert.equal((await send(http, { path: "/health" })).status, 200));
  }

  const login = (domain: string, account?: Account, query = ""): Promise<BoshParticipant> =>
    BoshParticipant.join(`${bosh}${query}`, domain, ROOM, account?.name ?? "somebody", account);
  const comesIn = (domain: string, account: Account): Promise<void> =>
    eventually(60, async () => (await login(domain, account)).leave());
  const refused = (domain: string, account?: Account, query?: string): Promise<void> =>
    assert.rejects(login(domain, account, query), /no <success/);

  it("takes the fleet's own passwords at each start, and those of before no more", async () => {
    const users = [
      ["auth.meet.jitsi", "focus", "jicofo"],
      ["auth.meet.jitsi", "jvb", "bridges"],
      ["auth.meet.jitsi", "jibri", "jibris"],
      ["hidden.meet.jitsi", "recorder", "recorder"],
    ] as const;
    await started(prosodyOf({ type: "open" }));
    for (const [domain, name, of] of users) await comesIn(domain, { name, password: passwords[of] });
    const others = { jicofo: "jicofo-2", bridges: "bridges-2", jibris: "jibris-2", recorder: "recorder-2" };
    await started(prosodyOf({ type: "open" }, others));
    for (const [domain, name, of] of users) {
      await comesIn(domain, { name, password: others[of] });
      await refused(domain, { name, password: passwords[of] });
    }
  });

  it("takes tokens of an application and with a secret that have every awkward character", async () => {
    await started(prosodyOf({ type: "jwt", appId: AWKWARD, appSecret: `${AWKWARD}\\` }));
    const claims = { iss: AWKWARD, room: "*", sub: "*", exp: Math.floor(Date.now() / 1000) + 3600 };
    const good = await login("meet.jitsi", undefined, `?token=${token(claims, `${AWKWARD}\\`)}`);
    await good.leave();
    await refused("meet.jitsi", undefined, `?token=${token(claims, AWKWARD)}`);
    await refused("meet.jitsi", undefined, `?token=${token({ ...claims, iss: "school" }, `${AWKWARD}\\`)}`);
  });

  it("takes the accounts of the settings, and a change of them while people are in", async () => {
    const withAccounts = (accounts: Record<string, string>): ContainerSpec =>
      prosodyOf({ type: "internal", accounts });
    const change = (accounts: Record<string, string>): Promise<void> =>
      prosody.lookUp(withAccounts(accounts));
    const teacher = { name: "teacher", password: AWKWARD };
    const other = { name: "other.teacher", password: "password-2" };
    await started(withAccounts({ teacher: AWKWARD }));
    await comesIn("meet.jitsi", teacher);
    await refused("meet.jitsi", other);
    await refused("meet.jitsi");
    await (await login("guest.meet.jitsi")).leave();

    const teaching = await login("meet.jitsi", teacher);
    await change({ teacher: AWKWARD, [other.name]: other.password });
    await comesIn("meet.jitsi", other);
    const watching = await login("meet.jitsi", other);

    await change({ teacher: "password-3" });
    await comesIn("meet.jitsi", { ...teacher, password: "password-3" });
    await eventually(60, () => refused("meet.jitsi", other));
    await refused("meet.jitsi", teacher);
    assert.deepEqual(await teaching.occupants(), ["other.teacher", "teacher"]);
    await watching.leave();
    await teaching.leave();

    // As after a restart of its container, which begins with nothing.
    await started(withAccounts({ teacher: "password-3" }));
    await comesIn("meet.jitsi", { ...teacher, password: "password-3" });
    await refused("meet.jitsi", other);
  });

  it("is told each awkward text by Lua and by the shell as it is", async () => {
    const directory = mkdtempSync(join(tmpdir(), "quoting-"));
    try {
      for (const character of [
        '"',
        "'",
        "\\",
        "$",
        "`",
        "#",
        "{",
        "}",
        "%",
        "\n",
        "ß",
        "\\116",
        "$(id)",
        "'\\''",
      ])
        for (const text of [character, `a${character}`, `${character}a`, character.repeat(2)]) {
          const lua = `io.write("${insideLuaQuotes(text)}")`;
          assert.equal(execFileSync("lua5.4", ["-e", lua]).toString(), text);
          const { "secrets.env": file } = filesOf({ files: [], secrets: { VALUE: text } });
          const secrets = await new Promise<string>((resolve) => {
            pulumi.output(file ?? "").apply(resolve);
          });
          writeFileSync(join(directory, "secrets.env"), secrets);
          const shell = `. ${directory}/secrets.env; printf %s "$VALUE"`;
          assert.equal(execFileSync("sh", ["-c", shell]).toString(), text);
        }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
