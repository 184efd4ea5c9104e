import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { archive } from "../../scaler/engine/archive";
import { containerArgs, ownerOf } from "../../components/docker/container";
import { keepalivedContainer } from "../../components/docker/keepalived";
import { FLEET_DIRECTORY, type ContainerSpec } from "../../components/platform";
import { creationOptions } from "../engine/plugins/docker/containerOptions";
import type { Properties } from "../engine/plugins/properties";
import { ensureImages, imageName } from "../standins/build";
import type { ClientsWorker } from "./clients/workerProcess";
import { until } from "./fleetUnderTest";
import { runOrFail } from "./lab/commands";
import { startLab, type Lab, type LabHost } from "./lab/lab";

const SHARED = "198.51.100.50";
const LIVENESS_PORT = 23005;
/** How long users may find nobody at the address. Seen: 3 to 4 s. */
const TAKEOVER_SECONDS = 10;
/** An edge that meant to take the address would have done so: after three adverts of a second each, and a check. */
const PREEMPTION_SECONDS = 6;

/** Real HAProxy in the place of an edge's: it says whose it is, and that it is alive. */
function haproxy(host: LabHost): ContainerSpec {
  const content = `
global
  stats socket /tmp/haproxy.sock
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend users
  bind :8080
  http-request return content-type text/plain string ${host.name}
frontend liveness
  bind :8405
  monitor-uri /live
`;
  return {
    name: "haproxy",
    image: imageName("haproxy", "r1"),
    command: ["haproxy", "-W", "-db", "-f", `${FLEET_DIRECTORY}/haproxy.cfg`],
    env: {},
    secrets: {},
    files: [{ path: "haproxy.cfg", content }],
    ports: [
      { container: 8080, published: 80, protocol: "tcp", reach: "world" },
      { container: 8405, published: LIVENESS_PORT, protocol: "tcp", reach: "private" },
    ],
    volumes: [],
    scratch: [{ path: "/tmp", sizeMiB: 16, executable: false }],
    user: "99:99",
    stopGraceSeconds: 10,
    resources: { memoryMiB: 256 },
    restart: "always",
    knownHosts: {},
  };
}

/** Keepalived as the program gives it to the host's edge. */
const keepalived = (edges: readonly LabHost[], { name, privateAddress }: LabHost): ContainerSpec =>
  keepalivedContainer({
    image: imageName("keepalived", "r1"),
    shared: { address: SHARED, prefixLength: 24, routerId: 51, password: "lab" },
    edges,
    host: name,
    liveness: `http://${privateAddress}:${LIVENESS_PORT}/live`,
  });

/** Brings a container up on a host as a node does. */
async function launch({ docker, privateAddress }: LabHost, spec: ContainerSpec): Promise<void> {
  const volume = `${spec.name}-files`;
  await docker.createVolume({ Name: volume });
  const carrier = await docker.createContainer({
    Image: spec.image,
    HostConfig: { Binds: [`${volume}:${FLEET_DIRECTORY}`] },
  });
  const files = Object.fromEntries(spec.files.map(({ path, content }) => [path, content as string]));
  await carrier.putArchive(await archive(files, { ...ownerOf(spec), mode: 0o440 }), {
    path: FLEET_DIRECTORY,
  });
  await carrier.remove();
  const args = containerArgs(spec, {
    name: spec.name,
    privateAddress,
    networks: [],
    volumes: [{ volumeName: volume, containerPath: FLEET_DIRECTORY, readOnly: true }],
  });
  const container = await docker.createContainer(creationOptions(args as unknown as Properties));
  await container.start();
}

/** The address that users type, on real HAProxy, keepalived and Docker. The steps build on each other. */
describe("one address for two edges", function () {
  this.timeout(600_000);
  let lab: Lab;
  let users: ClientsWorker;

  /** The edge that answers at the address; undefined if none does. */
  const answering = async (): Promise<string | undefined> => {
    const asked = users.call("http.get", { url: `http://${SHARED}/`, timeoutSeconds: 1 });
    return asked.then(
      ({ bodyPrefix }) => bodyPrefix,
      () => undefined,
    );
  };
  /** The hosts that have the address on an interface. */
  const holders = async (hosts: readonly LabHost[] = [lab.hosts.a, lab.hosts.b]): Promise<string[]> => {
    const lists = await Promise.all(
      hosts.map(async ({ name, namespace }) => {
        const addresses = await runOrFail(["ip", "-netns", namespace, "-o", "-4", "address", "show"]);
        return addresses.includes(` ${SHARED}/`) ? [name] : [];
      }),
    );
    return lists.flat();
  };
  /** Waits until an edge answers at the address, and tells how long that took since something began to happen. */
  const takenBy = async (name: string, happening: () => Promise<unknown>): Promise<void> => {
    const since = Date.now();
    await happening();
    await until(`${name} answers at the address`, TAKEOVER_SECONDS, async () => (await answering()) === name);
    console.log(`      ${name} answers after ${((Date.now() - since) / 1000).toFixed(1)} s`);
  };
  /** The edge that holds the address alone goes on to, though the other one could. */
  const stays = async (name: string): Promise<void> => {
    const limit = Date.now() + PREEMPTION_SECONDS * 1000;
    while (Date.now() < limit) {
      assert.deepEqual([await holders(), await answering()], [[name], name]);
      await sleep(200);
    }
  };
  const serving = (host: LabHost): Promise<void> =>
    until(`HAProxy of ${host.name} serves`, 20, async () => {
      const url = `http://${host.publicAddress}/`;
      return (await users.call("http.get", { url, timeoutSeconds: 1 })).bodyPrefix === host.name;
    });

  before(async () => {
    lab = await startLab();
    users = lab.usersProcess();
    const hosts = [lab.hosts.a, lab.hosts.b];
    await ensureImages(hosts.map(({ socket }) => socket));
    for (const host of hosts) {
      await launch(host, haproxy(host));
      await launch(host, keepalived(hosts, host));
    }
  });
  after(async () => {
    await lab.stopAll();
  });

  it("one of them holds it, and users reach that one's HAProxy", async () => {
    await until("a answers at the address", TAKEOVER_SECONDS, async () => (await answering()) === "a");
    assert.deepEqual(await holders(), ["a"]);
  });

  it("its HAProxy ends: the other takes it, and keeps it when the first is back", async () => {
    const { a } = lab.hosts;
    await takenBy("b", () => a.docker.getContainer("haproxy").stop());
    await a.docker.getContainer("haproxy").start();
    await serving(a);
    await stays("b");
  });

  it("its host is lost: the other takes it, and keeps it when the host is back", async () => {
    const { a, b } = lab.hosts;
    await takenBy("a", () => b.stop());
    assert.deepEqual(await holders([a]), ["a"]);
    await b.start();
    await serving(b);
    await stays("a");
  });

  it("its keepalived is killed: the other takes it, and nothing of it is left behind", async () => {
    const { a } = lab.hosts;
    const killed = a.docker.getContainer("keepalived");
    await takenBy("b", () => killed.inspect().then(({ State }) => process.kill(State.Pid, "SIGKILL")));
    assert.deepEqual(await holders(), ["b"]);
  });
});
