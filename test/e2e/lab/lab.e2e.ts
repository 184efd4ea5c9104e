import * as assert from "node:assert/strict";
import type Docker from "dockerode";
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { cacheDir } from "../../support/cache";
import { runOrFail } from "./commands";
import { startLab, type Lab, type LabHost } from "./lab";
import { namespaceInode } from "./network";
import { ensureNodeImage } from "./nodeImage";
import { findProcesses } from "./remains";

/** Answers each connection with the container's greeting; UDP port 10000 answers STUN, port 10001 takes and is silent. */
const SERVER = `
  const net = require("node:net"), dgram = require("node:dgram");
  net.createServer((socket) => socket.on("error", () => 0).end(process.env.GREETING)).listen(8080);
  const stun = dgram.createSocket("udp4").bind(10000);
  stun.on("message", (request, from) => {
    const answer = Buffer.alloc(20 + 4 + 4);
    request.copy(answer, 0, 0, 20);
    answer.writeUInt16BE(0x0101, 0);
    answer.writeUInt16BE(8, 2);
    answer.writeUInt16BE(0x8022, 20);
    answer.writeUInt16BE(4, 22);
    answer.write(process.env.GREETING.slice(-4), 24);
    stun.send(answer, from.port, from.address);
  });
  dgram.createSocket("udp4").bind(10001);
  process.on("SIGTERM", () => process.exit(0));
`;

/** Connects to HOST:PORT and prints what comes, or the error's code. */
const CLIENT = `
  const socket = require("node:net").createConnection(Number(process.argv[2]), process.argv[1]);
  socket.setTimeout(3000, () => socket.destroy(new Error("timeout")));
  socket.on("data", (data) => process.stdout.write(data));
  socket.on("error", (error) => process.stdout.write(error.code ?? error.message));
`;

describe("lab: two Docker hosts and an internet", function () {
  this.timeout(600_000);
  let lab: Lab;
  let image: string;

  before(async () => {
    lab = await startLab({ suffix: "-t" });
    const both = [lab.hosts.a, lab.hosts.b];
    [image = ""] = await Promise.all(both.map(({ docker }) => ensureNodeImage(docker)));
    await Promise.all(both.map((host) => serve(host)));
  });

  after(async () => {
    await lab.stopAll();
  });

  /** Publishes 8080 to the world as 80, and to the private network as 8080; the two UDP ports to the world. */
  const serve = async (host: LabHost): Promise<void> => {
    const container = await host.docker.createContainer({
      name: "server",
      Image: image || "jitsi-fleet-lab-node",
      Cmd: ["/node", "-e", SERVER],
      Env: [`GREETING=this is ${host.name}`],
      ExposedPorts: { "8080/tcp": {}, "10000/udp": {}, "10001/udp": {} },
      HostConfig: {
        RestartPolicy: { Name: "unless-stopped" },
        PortBindings: {
          "8080/tcp": [
            { HostIp: "0.0.0.0", HostPort: "80" },
            { HostIp: host.privateAddress, HostPort: "8080" },
          ],
          "10000/udp": [{ HostIp: "0.0.0.0", HostPort: "10000" }],
          "10001/udp": [{ HostIp: "0.0.0.0", HostPort: "10001" }],
        },
      },
    });
    await container.start();
  };

  /** What a new container on the host gets from address:port. */
  const askFromContainer = async (host: LabHost, address: string, port: number): Promise<string> => {
    const container = await host.docker.createContainer({
      Image: image,
      Cmd: ["/node", "-e", CLIENT, address, String(port)],
    });
    await container.start();
    await container.wait();
    const output = await container.logs({ stdout: true });
    await container.remove();
    // Each piece of the log has a header of 8 bytes.
    return output.subarray(8).toString();
  };

  const hardwareAddresses = async (host: LabHost): Promise<string[]> => {
    const links = await runOrFail(["ip", "-netns", host.namespace, "-json", "link", "show", "type", "veth"]);
    const own = (JSON.parse(links) as { ifname: string; address: string }[]).filter(
      ({ ifname }) => ifname === "private0" || ifname === "public0",
    );
    assert.equal(own.length, 2);
    return own.map(({ address }) => address);
  };

  const askAsUser = async (address: string, port: number): Promise<string> =>
    (await lab.inUsersNamespace([process.execPath, "-e", CLIENT, address, String(port)])).stdout;

  it("lets containers reach the other host's private address", async () => {
    const { a, b } = lab.hosts;
    assert.equal(await askFromContainer(a, b.privateAddress, 8080), "this is b");
    assert.equal(await askFromContainer(b, a.privateAddress, 8080), "this is a");
  });

  it("lets users reach what is published to the world, and not the private network", async () => {
    const { a, b } = lab.hosts;
    assert.equal(await askAsUser(a.publicAddress, 80), "this is a");
    assert.equal(await askAsUser(b.publicAddress, 80), "this is b");
    assert.equal(await askAsUser(a.publicAddress, 8080), "ECONNREFUSED");
    assert.equal(await askAsUser(a.privateAddress, 8080), "ENETUNREACH");
  });

  it("gives the hosts' Docker networks subnets of their own", async () => {
    const subnets = async (docker: Docker): Promise<string[]> => {
      const created = await docker.createNetwork({ Name: "extra" });
      const both = [created, docker.getNetwork("bridge")];
      const details: Docker.NetworkInspectInfo[] = await Promise.all(
        both.map((network) => network.inspect()),
      );
      await created.remove();
      return details.map(({ IPAM }) => IPAM?.Config?.[0]?.Subnet ?? "");
    };
    const { a, b } = lab.hosts;
    assert.deepEqual(await subnets(a.docker), ["10.214.1.0/24", "10.214.0.0/24"]);
    assert.deepEqual(await subnets(b.docker), ["10.215.1.0/24", "10.215.0.0/24"]);
  });

  it("shows in a scan from outside exactly the public ports", async function () {
    // Some 10 s on a quiet machine; much more where others need the processors.
    this.timeout(200_000);
    const scan = await lab.portScan("users", lab.hosts.a.publicAddress, {
      tcp: "1-65535",
      udp: "9900-10100",
      timeoutSeconds: 150,
    });
    console.log(
      `      65535 TCP ports in ${scan.tcp?.seconds.toFixed(1) ?? ""} s, 201 UDP ports in ${scan.udp?.seconds.toFixed(1) ?? ""} s`,
    );
    assert.deepEqual(scan.tcp?.open, [80]);
    assert.deepEqual([scan.tcp.refused, scan.tcp.silent], [65534, ""]);
    assert.deepEqual(scan.udp?.answered, [{ port: 10000, software: "is a", mapped: null }]);
    assert.deepEqual([scan.udp.refused, scan.udp.silent], [199, "10001"]);
    const inside = await lab.portScan("b", lab.hosts.a.privateAddress, { tcp: "80,8080,8081" });
    assert.deepEqual(inside.tcp?.open, [80, 8080]);
  });

  it("keeps a worker with real clients among the users", async () => {
    const users = lab.usersProcess();
    const { publicAddress } = lab.hosts.b;
    const answer = await users.call("stun.binding", { address: publicAddress, port: 10000 });
    assert.equal(answer.software, "is b");
    await assert.rejects(
      users.call("stun.binding", { address: publicAddress, port: 10002 }),
      /the port is closed/,
    );
    await users.close();
  });

  it("loses a host and gets it back", async () => {
    const { a, b } = lab.hosts;
    const hardware = await hardwareAddresses(b);
    await b.stop();
    await assert.rejects(b.docker.ping());
    assert.match(await askAsUser(b.publicAddress, 80), /EHOSTUNREACH|timeout/);
    assert.match(await askFromContainer(a, b.privateAddress, 8080), /EHOSTUNREACH|timeout/);
    assert.equal(await askAsUser(a.publicAddress, 80), "this is a");
    await assert.rejects(b.stop(), /lost already/);

    await b.start();
    const [server] = await b.docker.listContainers();
    assert.deepEqual(server?.Names, ["/server"]);
    assert.equal(await askAsUser(b.publicAddress, 80), "this is b");
    assert.equal(await askFromContainer(a, b.privateAddress, 8080), "this is b");
    assert.deepEqual(await hardwareAddresses(b), hardware, "its neighbours know it again");
  });

  it("refuses a second lab of the same name, and names that are none", async () => {
    await assert.rejects(startLab({ suffix: "-t" }), /has a lab with the suffix "-t"/);
    await assert.rejects(startLab({ suffix: "/../x" }), /would be right/);
  });

  it("limits what runs among the users", async () => {
    const stuck = lab.inUsersNamespace(["sleep", "3600"], { timeoutSeconds: 0.5 });
    await assert.rejects(stuck, /"nsenter .* sleep 3600" did not end within 0.5 s/);
    const users = { namespaces: [namespaceInode(lab.users.namespace) ?? 0], cgroupParents: [], folders: [] };
    // It is killed: the sleep would go on for an hour.
    while (findProcesses(users).length > 0) await new Promise((next) => setTimeout(next, 20));
    const echo = await lab.inUsersNamespace(["cat"], { stdin: "hello" });
    assert.deepEqual(echo, { exitCode: 0, stdout: "hello", stderr: "" });
  });
});

describe("lab: its end", function () {
  this.timeout(600_000);

  it("leaves nothing behind but the images, though a host is lost and containers, volumes and networks are there", async () => {
    const lab = await startLab({ suffix: "-t" });
    const { a, b } = lab.hosts;
    const image = await ensureNodeImage(b.docker);
    for (const { docker } of [a, b]) {
      assert.equal((await docker.listImages()).length, 1, "the image of the tests before is still there");
      await docker.createNetwork({ Name: "extra" });
      await docker.createVolume({ Name: "kept" });
      const container = await docker.createContainer({
        Image: image,
        Cmd: ["/node", "-e", "setInterval(() => 0, 1000)"],
        HostConfig: { Binds: ["kept:/kept"], NetworkMode: "extra", RestartPolicy: { Name: "always" } },
      });
      await container.start();
    }
    await b.stop();
    await lab.stopAll();
    for (const { namespace } of [a, b]) {
      assert.deepEqual(readdirSync(cacheDir("docker", namespace, "containers")), []);
      assert.equal(readdirSync(cacheDir("docker", namespace, "volumes")).includes("kept"), false);
    }

    const again = await startLab({ suffix: "-t" });
    for (const { docker } of [again.hosts.a, again.hosts.b]) {
      assert.deepEqual(await docker.listContainers({ all: true }), []);
      assert.deepEqual((await docker.listVolumes()).Volumes, []);
      assert.equal((await docker.listNetworks()).length, 3);
    }
    await again.stopAll();
  });

  it("clears away what a run that was killed has left", async () => {
    const program = `
      const { startLab } = require("./lab");
      startLab({ suffix: "-t" }).then(async (lab) => {
        await lab.hosts.b.stop();
        const { Id } = (await lab.hosts.a.docker.listImages())[0];
        const container = await lab.hosts.a.docker.createContainer({
          Image: Id, Cmd: ["/node", "-e", "setInterval(() => 0, 1000)"], HostConfig: { NetworkMode: "host" },
        });
        await container.start();
        lab.usersProcess();
        process.kill(process.pid, "SIGKILL");
      });`;
    const transpiler = ["--require", require.resolve("ts-node/register/transpile-only")];
    const killed = spawnSync(process.execPath, [...transpiler, "-e", program], {
      cwd: __dirname,
      encoding: "utf8",
    });
    assert.equal(killed.signal, "SIGKILL", killed.stderr);

    const lab = await startLab({ suffix: "-t" });
    assert.deepEqual(await lab.hosts.a.docker.listContainers({ all: true }), []);
    await lab.stopAll();
  });
});

describe("lab: who may start it", () => {
  it("refuses anybody but root", async () => {
    const { getuid } = process;
    Object.assign(process, { getuid: () => 1000 });
    try {
      await assert.rejects(startLab({ suffix: "-t" }), /must run as root/);
    } finally {
      Object.assign(process, { getuid });
    }
  });
});
