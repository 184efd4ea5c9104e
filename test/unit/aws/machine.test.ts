import { MACHINE, machineManifest, type AgentConfiguration, type ProgramName } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { parse } from "yaml";
import {
  machineBundle,
  programObject,
  type MachineBundle,
  type MachineBundleArgs,
} from "../../../components/aws/machine/bundle";
import { composeFile } from "../../../components/aws/machine/compose";
import { poolContainers } from "../../../components/aws/machine/poolContainers";
import { RUN_SCRIPT } from "../../../components/aws/machine/runScript";
import { tarball, untarred } from "../../../components/aws/machine/tarball";
import { USER_DATA, USER_DATA_LIMIT_BYTES } from "../../../components/aws/machine/userData";
import { containerArgs } from "../../../components/docker/container";
import type { ContainerSpec } from "../../../components/platform";
import { planOf } from "../../../scaler/machine/plan";
import { fill, withFiles } from "../../../scaler/machine/content";
import { joinParts, revisionOf, splitIntoParts } from "../../../scaler/machine/secretParts";
import { bridge, edge, jibri, odd, SECRET, shard, uploads } from "./machineContainers";

const SALT = "a salt of the stack's own, of 32 or more";

const valueOf = <Value>(output: pulumi.Output<Value>): Promise<Value> =>
  new Promise((resolve) => output.apply(resolve));

const args = (more: Partial<MachineBundleArgs> = {}): MachineBundleArgs => ({
  stack: "prod",
  name: "s1",
  role: "shard",
  containers: shard(),
  privateAddress: "10.42.0.11",
  nodeImage: "node:24",
  shardState: "ready",
  allowCutCalls: false,
  salt: SALT,
  ...more,
});

const edgeArgs = (more: Partial<MachineBundleArgs> = {}): MachineBundleArgs =>
  args({ name: "edge-1", role: "edge", containers: edge(), ...more });

const poolArgs = (role: "bridge" | "jibri"): MachineBundleArgs =>
  args({
    name: `${role}s`,
    role,
    containers: poolContainers({
      stack: "prod",
      name: `${role}s`,
      role,
      shard: role === "bridge" ? "s1" : undefined,
      template: role === "bridge" ? bridge : jibri,
      nodeImage: "node:24",
      uploads: uploads(),
      agentPort: 23001,
      token: `${SECRET}token-of-agents`,
      tls: { certificate: "a certificate", privateKey: `${SECRET}key-of-agents` },
    }),
  });

async function opened(
  bundle: MachineBundle,
): Promise<{ files: Record<string, string>; secrets: Record<string, string> }> {
  const tar = Buffer.from(await valueOf(bundle.content), "base64");
  const files = await untarred(tar);
  const manifest = machineManifest.parse(JSON.parse(files["manifest.json"] ?? ""));
  assert.deepEqual(manifest.secrets.parameters, Object.keys(bundle.parameters));
  const parts = await Promise.all(Object.values(bundle.parameters).map(valueOf));
  return { files, secrets: joinParts(parts, manifest.secrets.revision) };
}

describe("user data", () => {
  it("is below what EC2 takes, with room to spare", () => {
    assert.ok(
      Buffer.byteLength(USER_DATA) < USER_DATA_LIMIT_BYTES / 2,
      `${Buffer.byteLength(USER_DATA)} bytes`,
    );
  });

  it("and a bundle's script are bash", () => {
    for (const script of [USER_DATA, RUN_SCRIPT]) execFileSync("bash", ["-n"], { input: script });
    const [, program = ""] = /<<'END_OF_PROGRAM'\n([^]*?)END_OF_PROGRAM\n/.exec(USER_DATA) ?? [];
    assert.match(program, /^#!\/bin\/bash\n/);
    execFileSync("bash", ["-n"], { input: program });
  });
});

describe("a tarball", () => {
  it("has the same bytes in whichever order its files come, and at another time", async () => {
    const one = await tarball({ b: { content: "2" }, "a/c": { content: "1", isExecutable: true } });
    const now = Date.now;
    Date.now = () => now() + 100_000_000;
    const other = await tarball({ "a/c": { content: "1", isExecutable: true }, b: { content: "2" } }).finally(
      () => (Date.now = now),
    );
    assert.ok(one.equals(other));
    // Of another processor, kernel or day: whatever changes it is seen here.
    assert.equal(
      createHash("sha256").update(one).digest("hex"),
      "6797c60cad374618e918dd7251ec3dabb451952f25e7accd2ef01e5077a0cad7",
    );
  });
});

describe("a machine's secrets", () => {
  const secrets = { "containers/a/secrets.env": "A='ä {{instance}}'\n", "live/b/key": "x".repeat(10) };
  const revision = revisionOf(secrets, SALT);

  it("come together from the parts that they were split into", () => {
    // Not compressible.
    const large = {
      ...secrets,
      noise: Array.from({ length: 400 }, (_, n) => createHash("sha256").update(`${n}`).digest("hex")).join(
        "",
      ),
    };
    const parts = splitIntoParts(large, revision, 6);
    assert.equal(parts.length, 6);
    assert.ok(parts.filter((part) => part.length > 100).length > 3, "it does use several");
    for (const part of parts)
      assert.ok(Buffer.byteLength(part) <= 4096 && !part.includes("{{"), part.slice(0, 60));
    assert.deepEqual(joinParts(parts, revision), large);
  });

  it("are refused when a part is of another revision, in another place, or missing", () => {
    const parts = splitIntoParts(secrets, revision, 3);
    const others = splitIntoParts({ ...secrets, more: "y" }, "0123", 3);
    const refused = (mixed: string[]): void =>
      assert.throws(() => joinParts(mixed, revision), /is not of revision/);
    refused([...parts.slice(0, 2), ...others.slice(2)]);
    refused([...parts].reverse());
    refused(parts.slice(0, 2));
    refused(["", ...parts.slice(1)]);
  });

  it("that do not fit are refused, with their size", () => {
    const large = {
      noise: Array.from({ length: 400 }, (_, n) => createHash("sha256").update(`${n}`).digest("hex")).join(
        "",
      ),
    };
    assert.throws(() => splitIntoParts(large, revision, 2), /are \d+ bytes, packed, and 2 parameters/);
  });

  it("have a revision that changes with each of them and with the salt, not with their order", () => {
    const turned = Object.fromEntries(Object.entries(secrets).reverse());
    assert.equal(revisionOf(turned, SALT), revision);
    assert.notEqual(revisionOf({ ...secrets, "live/b/key": "y" }, SALT), revision);
    assert.notEqual(revisionOf(secrets, `${SALT}.`), revision);
  });
});

describe("a machine's bundle", () => {
  const all: Record<string, () => MachineBundleArgs> = {
    shard: args,
    edge: edgeArgs,
    "bridge pool": () => poolArgs("bridge"),
    "jibri pool": () => poolArgs("jibri"),
  };
  for (const [kind, of] of Object.entries(all))
    it(`of a ${kind} holds no secret, and its parameters all of them`, async () => {
      const { files, secrets } = await opened(machineBundle(of()));
      for (const [path, content] of Object.entries(files)) assert.ok(!content.includes(SECRET), path);
      assert.ok(JSON.stringify(secrets).includes(SECRET));
      for (const { files: own, live, name } of machineManifest.parse(JSON.parse(files["manifest.json"] ?? ""))
        .containers) {
        for (const { from, path } of own)
          assert.ok((from === "bundle" ? files : secrets)[`containers/${name}/${path}`] !== undefined, path);
        for (const { from, path } of [...(live?.files ?? []), ...(live?.quietFiles ?? [])])
          assert.ok((from === "bundle" ? files : secrets)[`live/${name}/${path}`] !== undefined, path);
      }
    });

  it("is named by its bytes, which do not change without cause", async () => {
    const [one, other] = [machineBundle(edgeArgs()), machineBundle(edgeArgs())];
    const content = await valueOf(one.content);
    assert.equal(content, await valueOf(other.content));
    const sha256 = createHash("sha256").update(Buffer.from(content, "base64")).digest("hex");
    assert.equal(await valueOf(one.sha256), sha256);
  });

  it("is another one when a secret is another, and has as many parameters", async () => {
    const one = machineBundle(args());
    const other = machineBundle(args({ containers: shard({ password: `${SECRET}new` }) }));
    assert.notEqual(await valueOf(one.sha256), await valueOf(other.sha256));
    assert.deepEqual(Object.keys(one.parameters), Object.keys(other.parameters));
    assert.deepEqual(
      Object.keys(one.parameters),
      [1, 2, 3, 4].map((part) => `/jitsi/prod/s1/${part}`),
    );
  });

  it("has secret parameters, and neither content nor hash is secret", async () => {
    const { content, parameters, sha256 } = machineBundle(args());
    for (const value of Object.values(parameters)) assert.equal(await pulumi.isSecret(value), true);
    assert.equal(await pulumi.isSecret(content), false);
    assert.equal(await pulumi.isSecret(sha256), false);
  });

  it("names the programs that it needs by the hash of their objects", async () => {
    const { files } = await opened(machineBundle(edgeArgs()));
    const named = (files["programs"] ?? "")
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    assert.deepEqual(
      named.map(([name]) => name),
      ["machine", "keeper"],
    );
    for (const [name, sha256] of named) {
      const { content, key } = programObject(name as ProgramName);
      assert.equal(createHash("sha256").update(content).digest("hex"), sha256);
      assert.equal(key, `programs/${sha256}.js`);
    }
  });

  it("tells the shard's state and its rule, and refuses a shard without a state", async () => {
    const { files } = await opened(machineBundle(args({ shardState: "drain" })));
    const { guard } = machineManifest.parse(JSON.parse(files["manifest.json"] ?? ""));
    assert.ok(guard.kind === "shard" && guard.state === "drain");
    assert.equal(guard.container, "jitsi-prod-s1-jicofo");
    const unknown = { ...args(), shardState: undefined } as unknown as MachineBundleArgs;
    assert.throws(() => machineBundle(unknown), /state of shard s1/);
  });

  it("of nodes alone asks for a report", async () => {
    assert.ok("reports" in (await opened(machineBundle(edgeArgs()))).files);
    assert.ok(!("reports" in (await opened(machineBundle(poolArgs("bridge")))).files));
  });

  it("of a pool has the agent launch the machine's own instance, named by the machine", async () => {
    for (const role of ["bridge", "jibri"] as const) {
      const { secrets } = await opened(machineBundle(poolArgs(role)));
      const self = { id: "0abc", publicAddress: "203.0.113.9", privateAddress: "10.42.3.7" };
      const told = fill(secrets["containers/agent/configuration.json"] ?? "", self);
      const agent = JSON.parse(told) as AgentConfiguration;
      assert.deepEqual(agent.own, { pool: `${role}s`, instance: `${role}s-0abc` });
      assert.equal(agent.publicAddress, "203.0.113.9");
      assert.deepEqual(agent.mediaPorts, { first: 10000, last: 10000 });
      const [template] = agent.templates;
      assert.equal(
        (template?.container["HostConfig"] as { NetworkMode: string }).NetworkMode,
        `jitsi-prod-${role}s-instances`,
      );
      if (role === "bridge")
        assert.ok(
          JSON.stringify(template?.container["Env"]).includes(
            "203.0.113.9#{{mediaPort}},10.42.3.7#{{mediaPort}}",
          ),
        );
      assert.equal(agent.uploader, role === "jibri" ? "http://127.0.0.1:8090" : undefined);
    }
  });
});

/** A compose service in the words of containerArgs, so that both can be held against each other. */
function inDockersWords(service: Record<string, unknown>): Record<string, unknown> {
  const of = JSON.parse(JSON.stringify(service).replaceAll("$$", "$")) as Record<string, unknown>;
  const hosts = of["extra_hosts"] as string[];
  const check = of["healthcheck"] as
    { test: string[]; interval: string; timeout: string; start_period: string; retries: number } | undefined;
  const ports = of["ports"] as { target: number; published: string; protocol: string; host_ip: string }[];
  const seconds = (time: string): number => parseInt(time, 10);
  return {
    image: of["image"],
    name: of["container_name"],
    entrypoints: of["entrypoint"],
    envs: Object.entries(of["environment"] as object).map(([key, value]) => `${key}=${value as string}`),
    user: of["user"],
    restart: of["restart"],
    networkMode: of["network_mode"] ?? "bridge",
    hosts: hosts.map((line) => ({
      host: line.slice(0, line.indexOf(":")),
      ip: line.slice(line.indexOf(":") + 1),
    })),
    ports: ports.map((port) => ({
      internal: port.target,
      external: Number(port.published),
      protocol: port.protocol,
      ip: port.host_ip,
    })),
    readOnly: of["read_only"],
    tmpfs: Object.fromEntries(
      (of["tmpfs"] as string[]).map((line) => [
        line.slice(0, line.indexOf(":")),
        line.slice(line.indexOf(":") + 1),
      ]),
    ),
    capabilities: { drops: of["cap_drop"], ...(of["cap_add"] ? { adds: of["cap_add"] } : {}) },
    securityOpts: of["security_opt"],
    memory: parseInt(of["mem_limit"] as string, 10),
    memorySwap: parseInt(of["memswap_limit"] as string, 10),
    ...(of["shm_size"] ? { shmSize: parseInt(of["shm_size"] as string, 10) } : {}),
    logDriver: (of["logging"] as { driver: string }).driver,
    logOpts: (of["logging"] as { options: unknown }).options,
    ...(check
      ? {
          healthcheck: {
            tests: check.test,
            interval: check.interval,
            timeout: check.timeout,
            startPeriod: `${seconds(check.start_period) / 60}m0s`,
            retries: check.retries,
          },
        }
      : {}),
    stopTimeout: seconds(of["stop_grace_period"] as string),
  };
}

describe("compose", () => {
  const file = (containers: readonly ContainerSpec[]) =>
    composeFile({
      stack: "prod",
      name: "n",
      role: "edge",
      containers,
      privateAddress: "10.42.0.11",
    });

  for (const spec of [...shard(), ...edge(), ...uploads(), odd])
    it(`is told of ${spec.name} what Docker hosts are told`, () => {
      const whole = [...edge(), spec].filter(
        (one, index, list) => list.findIndex(({ name }) => name === one.name) === index,
      );
      const service = file(whole).services[spec.name] ?? {};
      const args = containerArgs(spec, {
        name: `jitsi-prod-n-${spec.name}`,
        privateAddress: "10.42.0.11",
        networks: ["n"],
        volumes: [],
      });
      // What the plug-in has beside the container, or the test below has.
      const aside = [
        "destroyGraceSeconds",
        "hostname",
        "networksAdvanced",
        "removeVolumes",
        "volumes",
        "wait",
        "waitTimeout",
      ];
      const expected = Object.fromEntries(Object.entries(args).filter(([key]) => !aside.includes(key)));
      assert.deepEqual(inDockersWords(service as Record<string, unknown>), expected);
    });

  it("gives each container its volumes, and a neighbour what is live", () => {
    const { services, volumes } = file([...edge(), ...uploads(), ...shard()]);
    const mounts = (name: string) =>
      (services[name]?.["volumes"] as { source: string; target: string }[]).map(
        ({ source, target }) => `${source} ${target}`,
      );
    assert.deepEqual(mounts("haproxy"), ["jitsi-prod-n-haproxy-live /usr/local/etc/haproxy"]);
    assert.deepEqual(mounts("keeper"), mounts("haproxy"));
    assert.deepEqual(mounts("rclone"), ["jitsi-prod-recordings /storage"]);
    assert.deepEqual(mounts("web"), ["jitsi-prod-n-web-storage /storage"]);
    assert.deepEqual(Object.keys(volumes).sort(), [
      "jitsi-prod-n-haproxy-live",
      "jitsi-prod-n-web-storage",
      "jitsi-prod-recordings",
    ]);
    assert.throws(
      () => file(edge().filter(({ name }) => name !== "haproxy")),
      /no live configuration of haproxy/,
    );
  });

  it("is YAML that interpolates nothing", () => {
    const whole = parse(JSON.stringify(file([odd]))) as {
      services: { odd: { entrypoint: string[]; environment: object } };
    };
    assert.deepEqual(whole.services.odd.entrypoint.at(-1), 'echo "$$HOME" $$$$');
    assert.deepEqual(whole.services.odd.environment, { PRICE: "5$$" });
  });
});

describe("what a bundle changes on its machine", () => {
  const wanted = [
    { name: "a", dockerName: "n-a", revision: "1" },
    { name: "b", dockerName: "n-b", revision: "1" },
  ];
  const a = { dockerName: "n-a", revision: "1", isRunning: true };
  const deeds = (present: Parameters<typeof planOf>[1]) =>
    planOf(wanted, present).steps.map(({ deed }) => deed);

  it("is nothing where all is as wanted, a start where it ended, a new container where it is another", () => {
    assert.deepEqual(deeds([a, { ...a, dockerName: "n-b", isRunning: false }]), ["keep", "start"]);
    assert.deepEqual(deeds([{ ...a, revision: "0" }]), ["replace", "create"]);
    assert.deepEqual(deeds([{ ...a, revision: undefined }]), ["replace", "create"]);
  });

  it("stops something when a container is replaced or removed while any of them runs", () => {
    const stops = (present: Parameters<typeof planOf>[1]) => planOf(wanted, present).stopsSomething;
    const b = { dockerName: "n-b", revision: "0", isRunning: false };
    assert.equal(stops([]), false);
    assert.equal(stops([a]), false, "one is missing");
    assert.equal(stops([a, b]), true, "another part of it runs");
    assert.equal(stops([{ ...a, isRunning: false }, b]), false, "after a boot");
    assert.equal(stops([a, { ...b, dockerName: "n-gone", isRunning: true }]), true);
    assert.deepEqual(planOf(wanted, [{ ...b, dockerName: "n-gone" }]).removed, ["n-gone"]);
  });

  it("changes a container's revision with all of it, and with its files", () => {
    const service = { image: "i", labels: { x: "1" } };
    const { revision } = withFiles(service, "/run/a-1");
    assert.notEqual(withFiles(service, "/run/a-2").revision, revision);
    assert.notEqual(withFiles({ ...service, image: "j" }, "/run/a-1").revision, revision);
    assert.deepEqual(withFiles(service, "/run/a-1").service["labels"], {
      x: "1",
      "jitsi-fleet.revision": revision,
    });
  });

  it("cannot tell users of a public address that the machine has not", () => {
    const self = { id: "0abc", publicAddress: undefined, privateAddress: "10.42.3.7" };
    assert.equal(fill(`${MACHINE.id} ${MACHINE.privateAddress}`, self), "0abc 10.42.3.7");
    assert.throws(() => fill(MACHINE.publicAddress, self), /no public IPv4 address/);
  });
});
