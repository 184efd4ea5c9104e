import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { delimiter, join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { promisify } from "node:util";
import Docker from "dockerode";
import { pack } from "tar-stream";
import { findOnPath, pluginPath } from "./pluginPath";
import { temporaryProgram } from "./program";
import "./ready";
import { type CliResult, EngineStack } from "./workspace";

const run = promisify(execFile);
const socketPath = process.env["ENGINE_DOCKER_SOCKET"];
const images = ["jitsi-fleet-engine-test:1", "jitsi-fleet-engine-test:2"] as const;

/** Stays until it is told to end, and then takes half a second for it. */
const waiting = `["/bin/busybox", "sh", "-c", "trap 'sleep 0.5; echo ended > /out/ended; exit 0' TERM; while :; do sleep 0.1; done"]`;

const header = `
const pulumi = require("@pulumi/pulumi");
const docker = require("@pulumi/docker");
const config = new pulumi.Config();
const provider = new docker.Provider("host", {
  host: config.require("host"), sshOpts: config.getObject("sshOpts"), caMaterial: config.get("ca"),
  certMaterial: config.get("cert"), keyMaterial: config.getSecret("key"),
});
const on = { provider };
`;

/** The signs of a resource's steps in a preview, in their order: `--` delete, `+-` replace, `++` create. */
function stepsOf({ stdout }: CliResult, name: string): (string | undefined)[] {
  return [...stdout.matchAll(new RegExp(`^ (..) +\\S+ ${name} `, "gm"))].map(([, sign]) => sign);
}

describe("the Docker plug-in", function () {
  this.timeout(600_000);
  const docker = new Docker({ socketPath: socketPath ?? "" });
  let directory: string;
  let stack: EngineStack | undefined;

  async function stackOf(
    source: string,
    config: Record<string, unknown> = {},
    env: Record<string, string> = {},
  ): Promise<EngineStack> {
    directory = await temporaryProgram(header + source);
    await chmod(directory, 0o777); // The container's user writes into it.
    const host = `unix://${socketPath ?? ""}`;
    stack = await EngineStack.create({ programDir: directory, config: { host, directory, ...config }, env });
    return stack;
  }

  /** An update that must succeed. */
  async function up(args: string[] = []): Promise<void> {
    const result = await (stack as EngineStack).up({ args });
    assert.equal(result.exitCode, 0, result.stdout + result.stderr);
  }

  async function assertNothingToDo(): Promise<void> {
    const preview = await (stack as EngineStack).previewDiff({ args: ["--expect-no-changes"] });
    assert.equal(preview.exitCode, 0, preview.stdout);
    const refresh = await (stack as EngineStack).refreshPreview({ args: ["--expect-no-changes"] });
    assert.equal(refresh.exitCode, 0, refresh.stdout);
  }

  before(async function () {
    if (socketPath === undefined) return this.skip();
    const busybox = await findOnPath("busybox", `${process.env["PATH"] ?? ""}:/bin:/usr/bin`);
    if (busybox === undefined) throw new Error("A static busybox is needed: apt-get install busybox-static");
    for (const [index, image] of images.entries()) {
      const archive = pack();
      archive.entry({ name: "bin/busybox", mode: 0o755 }, await readFile(busybox));
      for (const name of ["tmp", "out"]) archive.entry({ name, type: "directory", mode: 0o1777 });
      archive.finalize();
      const [repo, tag] = image.split(":");
      const progress = await docker.importImage(Readable.from(await buffer(archive)), {
        repo,
        tag,
        changes: `ENV VERSION=${index + 1}`,
      });
      await new Promise<void>((resolve, reject) =>
        docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error))),
      );
    }
  });

  afterEach(async () => {
    await stack?.dispose();
    stack = undefined;
    const left = await docker.listContainers({ all: true, filters: { label: ["engine-test"] } });
    for (const { Id } of left) await docker.getContainer(Id).remove({ force: true, v: true });
    const { Volumes } = await docker.listVolumes({ filters: { label: ["engine-test"] } });
    for (const { Name } of Volumes) await docker.getVolume(Name).remove({ force: true });
    await docker.pruneNetworks({ filters: { label: ["engine-test"] } });
    await rm(directory, { recursive: true, force: true });
  });

  const service = `
    const labels = [{ label: "engine-test", value: "" }];
    const image = new docker.RemoteImage("image", { name: config.require("image"), keepLocally: true }, on);
    const network = new docker.Network("network", { name: "engine-test", labels, ipamConfigs: [{ subnet: "10.235.77.0/24", gateway: "10.235.77.1" }] }, on);
    const volume = new docker.Volume("volume", { labels }, on);
    const container = new docker.Container("service", {
      name: "engine-test", image: image.imageId, labels, command: ${waiting}, hostname: "service",
      envs: ["A=1", pulumi.secret("B=secret-of-the-environment")], user: "1234:1234", readOnly: true, init: true,
      networksAdvanced: [{ name: network.name, aliases: ["web"], ipv4Address: "10.235.77.10" }],
      volumes: [{ volumeName: volume.name, containerPath: "/data" }, { hostPath: config.require("directory"), containerPath: "/out" }],
      tmpfs: { "/run": "rw,size=1m" }, capabilities: { drops: ["ALL"] }, securityOpts: ["no-new-privileges:true"],
      memory: Number(config.require("memory")), memorySwap: -1, cpus: "0.5", shmSize: 16, stopTimeout: 7,
      ulimits: [{ name: "nofile", soft: 512, hard: 1024 }], hosts: [{ host: "peer", ip: "10.1.2.3" }],
      ports: config.getBoolean("publish")
        ? [{ internal: 8080, external: 28089, ip: "127.0.0.1" }, { internal: 53, protocol: "udp", ip: "127.0.0.1" }]
        : undefined,
      restart: config.require("restart"), logDriver: "json-file", logOpts: { "max-size": "1m", "max-file": "2" },
      healthcheck: { tests: ["CMD", "/bin/busybox", "true"], interval: "1s", timeout: "1s", retries: 3 },
      wait: true, waitTimeout: 30, destroyGraceSeconds: Number(config.require("grace")),
    }, on);
    module.exports = { id: container.id, ip: container.networkDatas.apply(([data]) => data.ipAddress), mountpoint: volume.mountpoint };
  `;
  const serviceConfig = { image: images[0], memory: 64, restart: "no", grace: 10 };

  it("brings up what was asked for, then has nothing to do, and leaves nothing behind", async () => {
    const stack = await stackOf(service, { ...serviceConfig, publish: true });
    await up();
    const outputs = (await stack.outputs()) as Record<"id" | "ip" | "mountpoint", string>;
    const { Config, HostConfig, State, NetworkSettings } = await docker.getContainer(outputs.id).inspect();
    assert.equal(State.Health?.Status, "healthy");
    assert.deepEqual(
      Config.Env.filter((entry) => /^[AB]=/.test(entry)),
      ["A=1", "B=secret-of-the-environment"],
    );
    assert.equal(Config.User, "1234:1234");
    assert.equal(HostConfig.ReadonlyRootfs, true);
    assert.deepEqual(HostConfig.CapDrop, ["ALL"]);
    assert.deepEqual(HostConfig.SecurityOpt, ["no-new-privileges:true"]);
    assert.equal(HostConfig.Memory, 64 << 20);
    assert.equal(HostConfig.NanoCpus, 5e8);
    assert.equal(HostConfig.ShmSize, 16 << 20);
    assert.deepEqual(HostConfig.LogConfig, {
      Type: "json-file",
      Config: { "max-file": "2", "max-size": "1m" },
    });
    assert.deepEqual(NetworkSettings.Ports["8080/tcp"], [{ HostIp: "127.0.0.1", HostPort: "28089" }]);
    assert.match(NetworkSettings.Ports["53/udp"]?.[0]?.HostPort ?? "", /^[1-9]\d+$/);
    assert.deepEqual(Object.keys(NetworkSettings.Networks), ["engine-test"]);
    assert.equal(NetworkSettings.Networks["engine-test"]?.IPAddress, outputs.ip);
    assert.equal(outputs.ip, "10.235.77.10");
    assert.match(outputs.mountpoint, /\/volumes\/volume-[0-9a-f]{7}\/_data$/);
    assert.ok(!JSON.stringify(await stack.exportState()).includes("secret-of-the-environment"));
    await assertNothingToDo();

    const destroyed = await stack.destroy();
    assert.equal(destroyed.exitCode, 0, destroyed.stdout + destroyed.stderr);
    const [containers, networks, volumes] = await Promise.all([
      docker.listContainers({ all: true, filters: { label: ["engine-test"] } }),
      docker.listNetworks({ filters: { label: ["engine-test"] } }),
      docker.listVolumes({ filters: { label: ["engine-test"] } }),
    ]);
    assert.deepEqual([containers, networks, volumes.Volumes], [[], [], []]);
    assert.match(await readFile(join(directory, "ended"), "utf8"), /ended/);
  });

  it("updates in place what can be, and else deletes first", async () => {
    const stack = await stackOf(service, { ...serviceConfig, grace: 0 });
    await up();
    const before = String((await stack.outputs())["id"]);

    await stack.setConfig("memory", "80");
    await stack.setConfig("restart", "unless-stopped");
    const inPlace = await stack.previewDiff();
    assert.match(inPlace.stdout, /~ memory\s*: 64 => 80/);
    assert.match(inPlace.stdout, /~ restart\s*: "no" => "unless-stopped"/);
    await up();
    const { HostConfig } = await docker.getContainer(before).inspect();
    assert.equal(HostConfig.Memory, 80 << 20);
    assert.equal(HostConfig.RestartPolicy?.Name, "unless-stopped");
    await assertNothingToDo();

    await stack.setConfig("image", images[1]);
    assert.deepEqual(stepsOf(await stack.preview(), "service"), ["--", "+-", "++"]);
    await up();
    const after = String((await stack.outputs())["id"]);
    assert.notEqual(after, before);
    await assert.rejects(docker.getContainer(before).inspect(), /no such container/i);
    assert.ok((await docker.getContainer(after).inspect()).Config.Env.includes("VERSION=2"));
    // Without a grace the container had no time to end by itself.
    await assert.rejects(readFile(join(directory, "ended")), /ENOENT/);
    await assertNothingToDo();
  });

  it("notices a container that stopped or is gone, after a refresh", async () => {
    const stack = await stackOf(service, serviceConfig);
    await up();
    const before = String((await stack.outputs())["id"]);
    await docker.getContainer(before).stop({ t: 1 });
    const stopped = await stack.refreshPreview();
    assert.match(stopped.stdout, /~ mustRun\s*: true => false/);
    await up(["--refresh"]);
    assert.equal((await docker.getContainer(before).inspect()).State.Running, true);

    await docker.getContainer(before).remove({ force: true });
    const gone = await stack.refreshPreview();
    assert.match(gone.stdout, /- docker:index\/container:Container: \(delete\)/);
    await up(["--refresh"]);
    const after = String((await stack.outputs())["id"]);
    assert.equal((await docker.getContainer(after).inspect()).State.Running, true);

    // What is gone already is no reason for a delete to fail.
    await docker.getContainer(after).remove({ force: true });
    assert.equal((await stack.destroy()).exitCode, 0);
  });

  it("uploads files, but not into a read-only root", async () => {
    const stack = await stackOf(
      `
      const container = new docker.Container("files", {
        image: "${images[0]}", labels: [{ label: "engine-test", value: "" }], command: ${waiting},
        networkMode: "none", readOnly: config.getBoolean("readOnly"),
        uploads: [{ file: "/etc/config/a.txt", content: "hello" }, { file: "/run.sh", content: "#!/bin/sh", executable: true }],
      }, on);
      module.exports = { id: container.id };
    `,
      { readOnly: false },
    );
    await up();
    const exec = await docker.getContainer(String((await stack.outputs())["id"])).exec({
      Cmd: ["/bin/busybox", "sh", "-c", "cat /etc/config/a.txt; test -x /run.sh && echo ' executable'"],
      AttachStdout: true,
      Tty: true,
    });
    assert.equal((await text(await exec.start({ Tty: true }))).trim(), "hello executable");
    await assertNothingToDo();

    await stack.setConfig("readOnly", "true");
    const refused = await stack.up();
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.stdout, /Unable to upload volume content: .*read-only/);
    // As with the real plug-in the half-made container is in the state, so that it can be destroyed.
    const { deployment } = await stack.exportState();
    assert.equal(deployment.resources?.find(({ urn }) => urn.endsWith("::files"))?.initErrors?.length, 1);
    assert.equal((await stack.destroy()).exitCode, 0);
    assert.deepEqual(await docker.listContainers({ all: true, filters: { label: ["engine-test"] } }), []);
  });

  it("refuses what it does not know and says why a container cannot be made", async () => {
    const stack = await stackOf(`
      const args = { image: "${images[0]}", ports: [{ internal: 80, name: "http" }], gpus: "all", restart: "sometimes" };
      new docker.Container("bad", args, on);
    `);
    const preview = await stack.preview();
    assert.notEqual(preview.exitCode, 0);
    if (preview.stderr.includes("jitsi-fleet/plugins")) {
      assert.match(preview.stdout, /property gpus .*does not know this property/);
      assert.match(preview.stdout, /property ports .*does not know name in it/);
    }
    assert.match(preview.stdout, /property restart /);
  });

  it("replaces an auto-named volume by creating first, and a container or a volume with a name by deleting first", async () => {
    const stack = await stackOf(
      `
      const labels = [{ label: "engine-test", value: config.require("label") }];
      new docker.Volume("auto", { labels }, on);
      new docker.Volume("named", { name: "engine-test-named", labels }, on);
      new docker.Container("service", { image: "${images[0]}", labels, command: ${waiting}, networkMode: "none" }, on);
    `,
      { label: "one" },
    );
    await up();
    await stack.setConfig("label", "two");
    const preview = await stack.preview();
    assert.deepEqual(stepsOf(preview, "auto"), ["++", "+-", "--"]);
    assert.deepEqual(stepsOf(preview, "named"), ["--", "+-", "++"]);
    assert.deepEqual(stepsOf(preview, "service"), ["--", "+-", "++"]);
    await up();
    assert.equal((await stack.destroy()).exitCode, 0);
  });

  const oneVolume = `
    const volume = new docker.Volume("volume", { labels: [{ label: "engine-test", value: "" }] }, on);
    module.exports = { mountpoint: volume.mountpoint };
  `;

  it("reaches a host over TLS, with the client's certificate", async () => {
    const keys = await mkdtemp(join(tmpdir(), "engine-test-tls-"));
    const file = (name: string): Promise<string> => readFile(join(keys, name), "utf8");
    const self = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "1",
    ];
    for (const name of ["server", "client"]) {
      const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
      await run("openssl", [...self, ...names, "-keyout", `${name}.key`, "-out", `${name}.pem`], {
        cwd: keys,
      });
    }
    const server = createTlsServer(
      {
        cert: await file("server.pem"),
        key: await file("server.key"),
        ca: await file("client.pem"),
        requestCert: true,
        rejectUnauthorized: true,
      },
      (client) => {
        const daemon = connect(socketPath ?? "");
        client.pipe(daemon).pipe(client);
        client.on("error", () => daemon.destroy());
        daemon.on("error", () => client.destroy());
      },
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const stack = await stackOf(oneVolume, { host: `tcp://127.0.0.1:${port}` });
      assert.notEqual((await stack.up()).exitCode, 0, "without a certificate it must be refused");
      await stack.setConfig("ca", await file("server.pem"));
      await stack.setConfig("cert", await file("client.pem"));
      await stack.setConfig("key", await file("client.key"), { secret: true });
      await up();
      assert.ok(!JSON.stringify(await stack.exportState()).includes("PRIVATE KEY"));
      assert.equal((await stack.destroy()).exitCode, 0);
    } finally {
      server.close();
      await rm(keys, { recursive: true, force: true });
    }
  });

  it("reaches a host through the system's ssh", async () => {
    // Stands for ssh and the far end: notes how it was called and gives a way to the daemon.
    const bin = await mkdtemp(join(tmpdir(), "engine-test-ssh-"));
    const bridge = createServer((client) => {
      const daemon = connect(socketPath ?? "");
      client.pipe(daemon).pipe(client);
      client.on("error", () => daemon.destroy());
      daemon.on("error", () => client.destroy());
    });
    await new Promise<void>((resolve) => bridge.listen(join(bin, "far.sock"), resolve));
    const relay = `const s = require("net").connect(${JSON.stringify(join(bin, "far.sock"))}); process.stdin.pipe(s).pipe(process.stdout);`;
    await writeFile(join(bin, "relay.js"), relay);
    await writeFile(
      join(bin, "ssh"),
      `#!/bin/sh\necho "$*" >> '${join(bin, "calls")}'\nexec '${process.execPath}' '${join(bin, "relay.js")}'\n`,
    );
    await chmod(join(bin, "ssh"), 0o755);
    try {
      const stack = await stackOf(
        oneVolume,
        { host: "ssh://fleet@media1.example:2222", sshOpts: ["-o", "UserKnownHostsFile=/known"] },
        { PATH: [bin, await pluginPath()].join(delimiter) },
      );
      await up();
      assert.equal((await stack.destroy()).exitCode, 0);
      const [call = ""] = (await readFile(join(bin, "calls"), "utf8")).split("\n");
      assert.match(
        call,
        /-l fleet -p 2222 -o UserKnownHostsFile=\/known -- media1\.example docker system dial-stdio$/,
      );
    } finally {
      bridge.close();
      await rm(bin, { recursive: true, force: true });
    }
  });
});
