import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { connect, type AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { dockerClient, type Connection } from "../../components/docker/connection";
import { refusalOfOldApi } from "../support/apiVersions";
import { freePort } from "../support/freePort";

/**
 * The ways to a Docker engine: the real ssh and sshd, real TLS. The engine is a stand-in that answers `/version`, also
 * with a version of the API before it, unless Docker 29 would refuse that.
 */
const VERSION = { Version: "29.0.0", ApiVersion: "1.52" };

const answer = (request: http.IncomingMessage, response: http.ServerResponse): void => {
  const refusal = refusalOfOldApi(request.url ?? "");
  if (refusal !== undefined) {
    response.writeHead(400, { "content-type": "application/json" }).end(refusal);
    return;
  }
  const found = /^(?:\/v1\.\d+)?\/version$/.test(request.url ?? "");
  response
    .writeHead(found ? 200 : 404, { "content-type": "application/json" })
    .end(JSON.stringify(found ? VERSION : {}));
};

const versionSeenBy = async (connection: Connection): Promise<string> =>
  (await dockerClient(connection, 15).version()).Version;

describe("the way to a Docker engine", function () {
  this.timeout(600_000);
  let directory: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "fleet-connection-"));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  it("unix://", async () => {
    const socket = join(directory, "engine.sock");
    const server = http.createServer(answer).listen(socket);
    await once(server, "listening");
    try {
      assert.equal(await versionSeenBy({ address: `unix://${socket}` }), VERSION.Version);
    } finally {
      server.close();
    }
  });

  describe("tcp:// with TLS", () => {
    let server: https.Server;
    let address: string;
    const pem = (name: string): string => readFileSync(join(directory, name), "utf8");
    const openssl = (...args: string[]): Buffer =>
      execFileSync("openssl", args, { cwd: directory, stdio: ["ignore", "pipe", "ignore"] });

    /** A key and a certificate signed by the test's own authority. */
    function issue(name: string): void {
      writeFileSync(join(directory, `${name}.cnf`), "subjectAltName=IP:127.0.0.1\n");
      openssl(
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        `/CN=${name}`,
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.csr`,
      );
      openssl(
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        `${name}.cnf`,
        "-out",
        `${name}.crt`,
      );
    }

    before(async () => {
      for (const ca of ["ca", "stranger"])
        openssl(
          "req",
          "-x509",
          "-newkey",
          "rsa:2048",
          "-nodes",
          "-days",
          "2",
          "-subj",
          `/CN=${ca}`,
          "-keyout",
          `${ca}.key`,
          "-out",
          `${ca}.crt`,
        );
      issue("engine");
      issue("client");
      server = https.createServer(
        {
          key: pem("engine.key"),
          cert: pem("engine.crt"),
          ca: pem("ca.crt"),
          requestCert: true,
          rejectUnauthorized: true,
        },
        answer,
      );
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    after(() => {
      server.close();
    });

    it("shows its certificate and is let in", async () => {
      const tls = { ca: pem("ca.crt"), certificate: pem("client.crt"), privateKey: pem("client.key") };
      assert.equal(await versionSeenBy({ address, tls }), VERSION.Version);
    });

    it("does not speak to an engine that another authority vouches for", async () => {
      const tls = { ca: pem("stranger.crt"), certificate: pem("client.crt"), privateKey: pem("client.key") };
      await assert.rejects(versionSeenBy({ address, tls }), /certificate|self.signed|issuer/i);
    });
  });

  describe("ssh://", () => {
    let sshd: ChildProcess;
    let engine: http.Server;
    let port: number;
    let home: string;
    const before_ = { HOME: process.env["HOME"], SSH_AUTH_SOCK: process.env["SSH_AUTH_SOCK"] };
    const keygen = (file: string): void =>
      void execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, file)]);
    const publicKey = (file: string): string =>
      readFileSync(join(directory, `${file}.pub`), "utf8")
        .split(" ")
        .slice(0, 2)
        .join(" ");

    before(async () => {
      for (const key of ["host_key", "other_host_key", "user_key"]) keygen(key);
      const socket = join(directory, "over-ssh.sock");
      engine = http.createServer(answer).listen(socket);
      await once(engine, "listening");

      // sshd runs the forced command in the place of `docker system dial-stdio`, which there is no engine for.
      const bridge = join(directory, "dial-stdio.mjs");
      writeFileSync(
        bridge,
        `import net from "node:net"; const s = net.connect(${JSON.stringify(socket)}); process.stdin.pipe(s); s.pipe(process.stdout);`,
      );
      writeFileSync(
        join(directory, "authorized_keys"),
        `command="${process.execPath} ${bridge}" ${publicKey("user_key")}\n`,
      );
      chmodSync(directory, 0o755);
      port = await freePort();
      writeFileSync(
        join(directory, "sshd_config"),
        [
          `Port ${port}`,
          "ListenAddress 127.0.0.1",
          "ListenAddress ::1",
          `HostKey ${join(directory, "host_key")}`,
          `AuthorizedKeysFile ${join(directory, "authorized_keys")}`,
          "StrictModes no",
          "UsePAM no",
          "PasswordAuthentication no",
          "PidFile none",
        ].join("\n"),
      );
      mkdirSync("/run/sshd", { recursive: true });
      sshd = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", join(directory, "sshd_config")], { stdio: "ignore" });
      await untilOpen(port);

      // The user's own ssh configuration applies: here, which key to use.
      home = join(directory, "home");
      mkdirSync(join(home, ".ssh"), { recursive: true, mode: 0o700 });
    });
    after(async () => {
      Object.assign(process.env, before_);
      engine.close();
      sshd.kill("SIGTERM");
      await once(sshd, "exit");
    });

    const connection = (hostKey: string, host = "127.0.0.1"): Connection => ({
      address: `ssh://${userInfo().username}@${host}:${port}`,
      hostKey,
    });

    it("reaches the engine through the system's ssh, at a host that shows the declared key", async () => {
      const agent = execFileSync("ssh-agent", ["-s"]).toString();
      const [, socket = "", pid = ""] = /SSH_AUTH_SOCK=([^;]+);.*SSH_AGENT_PID=(\d+)/s.exec(agent) ?? [];
      process.env["SSH_AUTH_SOCK"] = socket;
      try {
        execFileSync("ssh-add", ["-q", join(directory, "user_key")], { stdio: "ignore" });
        assert.equal(await versionSeenBy(connection(publicKey("host_key"))), VERSION.Version);
        assert.equal(await versionSeenBy(connection(publicKey("host_key"), "[::1]")), VERSION.Version);
        await assert.rejects(
          versionSeenBy(connection(publicKey("other_host_key"))),
          /Host key verification failed/,
        );
      } finally {
        process.kill(Number(pid));
      }
    });
  });
});

/** Waits, for 10 s at most, until a port is open. */
async function untilOpen(port: number): Promise<void> {
  const limit = Date.now() + 120_000;
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isOpen = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    if (Date.now() > limit) throw new Error(`nothing listens at port ${port}`);
    await sleep(100);
  }
}
