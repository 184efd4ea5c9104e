import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { keeperConfiguration, scalerConfiguration } from "../../scaler/configuration";
import { serveKeeper, type KeeperApi, type KeeperParts } from "../../scaler/keeper/api";
import type { ShardsPage } from "../../scaler/keeper/shards";
import { shardStates } from "../../scaler/keeper/topology";
import { STATES_MAP } from "../../scaler/keeper/wanted";
import { edgePorts, shardPorts } from "../../components/aws/ports";
import type { Self } from "../../scaler/machine/content";
import type { ClientSettings } from "../support/aws/clientSettings";
import type { StackBundles } from "./bundles";

const LOOK_SECONDS = 0.5;

interface NodeMachine {
  readonly node: string;
  readonly role: string;
  readonly instance: string;
  readonly address: string;
  readonly type: string;
}

/**
 * Stand-ins for the nodes' machines: each follows its pointer and reports what it is told as in force. On a scaler's
 * machine the real scaler runs, from the program and the configuration of its bundle; on a shard's a web server that
 * says what the shard holds; on an edge's the keeper's real API, before what stands in for the keeper.
 */
export class Nodes {
  /** What each shard's Jicofo counts. */
  readonly participants = new Map<string, number>();
  /** Nodes whose machines are slow: they bring nothing into force until they are taken out. */
  readonly slow = new Set<string>();
  /** Nodes whose machines are out of reach: nothing on them answers or acts until they are taken out. */
  readonly lost = new Set<string>();
  /** What of a bundle each machine has in force. */
  private readonly applied = new Map<string, string>();
  private readonly scalers = new Map<string, RunningScaler>();
  private readonly shards = new Map<string, Server>();
  private readonly keepers = new Map<string, KeeperApi>();
  /** The states in force at each edge: a line each. */
  private readonly states = new Map<string, string>();
  private readonly ec2: EC2Client;
  private readonly over = new AbortController();
  private readonly done: Promise<void>;
  /** What went wrong in following. */
  failure: unknown;
  private isBehind = true;

  constructor(
    settings: ClientSettings,
    private readonly bundles: StackBundles,
  ) {
    this.ec2 = new EC2Client(settings);
    this.done = this.follow();
  }

  get runningScalers(): string[] {
    return [...this.scalers.keys()].sort();
  }

  /** A node's machine, as it is now. */
  async typeOf(node: string): Promise<string | undefined> {
    return (await this.machines()).find((machine) => machine.node === node)?.type;
  }

  /** Whether all scalers run what their pointers name. */
  get areUpToDate(): boolean {
    return !this.isBehind;
  }

  /** The last that each scaler logged. */
  get said(): string {
    return [...this.scalers].map(([node, { output }]) => `${node}: ${output.slice(-1500)}`).join("\n");
  }

  async stop(): Promise<void> {
    this.over.abort();
    await this.done;
    for (const scaler of this.scalers.values()) await scaler.stop("SIGTERM");
    for (const server of this.shards.values()) {
      server.close();
      server.closeAllConnections();
    }
    for (const keeper of this.keepers.values()) keeper.close();
    this.ec2.destroy();
  }

  private async follow(): Promise<void> {
    const { signal } = this.over;
    while (!signal.aborted) {
      try {
        const there = (await this.machines()).filter(({ node }) => !this.lost.has(node));
        for (const node of [...this.applied.keys()].filter(
          (one) => !there.some((machine) => machine.node === one),
        ))
          await this.end(node);
        let isBehind = false;
        for (const machine of there) isBehind = (await this.look(machine)) || isBehind;
        this.isBehind = isBehind;
      } catch (error) {
        this.failure = error;
      }
      await sleep(LOOK_SECONDS * 1000, undefined, { signal }).catch(() => undefined);
    }
  }

  private async machines(): Promise<NodeMachine[]> {
    const { Reservations = [] } = await this.ec2.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: "tag-key", Values: ["Node"] },
          { Name: "instance-state-name", Values: ["running"] },
        ],
      }),
    );
    return Reservations.flatMap(({ Instances = [] }) => Instances).map(
      ({ InstanceId = "", InstanceType: type = "", PrivateIpAddress: address = "", Tags = [] }) => {
        const tag = (key: string): string => Tags.find(({ Key }) => Key === key)?.Value ?? "";
        return { node: tag("Node"), role: tag("Role"), instance: InstanceId, address, type };
      },
    );
  }

  /** Whether there was anything to bring into force. */
  private async look(machine: NodeMachine): Promise<boolean> {
    const { address, instance, node, role } = machine;
    const pointer = await this.bundles.pointer(node);
    // Of another type it has been stopped and started, and brings all of it into force again.
    const state = `${instance} ${machine.type} ${pointer ?? ""}`;
    if (pointer === undefined || this.applied.get(node) === state) return false;
    if (this.slow.has(node)) return true;
    const report = { name: node, instance, bundle: pointer, time: new Date().toISOString(), replaced: [] };
    if (role === "scaler") await this.startScaler(machine);
    if (role === "shard") await this.serveShard(node, address);
    if (role === "edge") await this.serveEdge(machine);
    this.applied.set(node, state);
    await this.bundles.report(node, { ...report, state: "applied" });
    return true;
  }

  private async serveEdge(machine: NodeMachine): Promise<void> {
    const { address, node } = machine;
    const bundle = await this.bundles.read(node);
    this.states.set(node, bundle.live("haproxy", STATES_MAP));
    if (this.keepers.has(node)) return;
    const { listen } = keeperConfiguration.parse(
      JSON.parse(bundle.file("keeper", "configuration.json", selfOf(machine))),
    );
    const says: Pick<KeeperParts, "shards"> = { shards: () => Promise.resolve(this.pageOf(node)) };
    const at = { ...listen, address, port: edgePorts.keeper };
    this.keepers.set(node, await serveKeeper(at, says as KeeperParts));
  }

  private pageOf(edge: string): ShardsPage {
    const lines = (this.states.get(edge) ?? "").trim().split("\n");
    return Object.fromEntries(
      lines.map((line) => {
        const [shard = "", written] = line.split(" ");
        const state = shardStates.find((known) => known === written);
        if (!state) throw new Error(`${edge} has no state of ${shard}`);
        const participants = this.participants.get(shard) ?? 0;
        const conferences = participants > 0 ? 1 : 0;
        return [shard, { state, up: true, holds: { conferences, participants, recordings: 0, streams: 0 } }];
      }),
    );
  }

  private async startScaler({ address, instance, node }: NodeMachine): Promise<void> {
    const bundle = await this.bundles.read(node);
    const self = selfOf({ address, instance });
    const written = scalerConfiguration.parse(JSON.parse(bundle.file("scaler", "configuration.json", self)));
    const container = bundle.manifest.containers.find(({ name }) => name === "scaler");
    if (!container?.program) throw new Error(`${node} has no program for its scaler`);
    const isOnMachine = bundle.services["scaler"]?.network_mode === "host";
    // In a network of its own it would have all addresses for itself; here all machines' are this one's.
    const configuration = isOnMachine ? written : { ...written, listen: { ...written.listen, address } };
    const program = await this.bundles.program(container.program.sha256);
    await this.scalers.get(node)?.stop("SIGTERM");
    this.scalers.set(node, new RunningScaler(program, configuration, isOnMachine));
  }

  private async serveShard(shard: string, address: string): Promise<void> {
    if (this.shards.has(shard)) return;
    const server = createServer((request, response) => {
      const participants = this.participants.get(shard) ?? 0;
      if (request.url !== "/_stats") return void response.writeHead(404).end();
      response.end(
        JSON.stringify({
          conferences: participants > 0 ? 1 : 0,
          participants,
          jibri: { recording_active: 0, live_streaming_active: 0 },
        }),
      );
    });
    server.listen(shardPorts.web, address);
    await once(server, "listening");
    this.shards.set(shard, server);
  }

  private async end(node: string): Promise<void> {
    this.applied.delete(node);
    await this.scalers.get(node)?.stop("SIGTERM");
    this.scalers.delete(node);
    this.shards.get(node)?.close();
    this.shards.delete(node);
    this.keepers.get(node)?.close();
    this.keepers.delete(node);
  }
}

const selfOf = ({ address, instance }: Pick<NodeMachine, "address" | "instance">): Self => ({
  id: instance,
  privateAddress: address,
  publicAddress: undefined,
});

/** The program of a bundle, run as its container would run it. */
class RunningScaler {
  private readonly folder = mkdtempSync(join(tmpdir(), "fleet-prod-scaler-"));
  private readonly child: ChildProcess;
  output = "";

  constructor(
    program: string,
    configuration: object,
    /** Else the metadata service, with its hop limit of one, does not answer it. */
    private readonly isOnMachine: boolean,
  ) {
    writeFileSync(join(this.folder, "program.js"), program);
    writeFileSync(join(this.folder, "configuration.json"), JSON.stringify(configuration));
    const child = this.spawn();
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    this.child = child;
  }

  async stop(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, "exit");
      this.child.kill(signal);
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private spawn() {
    return spawn(process.execPath, ["program.js"], {
      cwd: this.folder,
      env: {
        PATH: process.env["PATH"],
        ...(this.isOnMachine ? {} : { AWS_EC2_METADATA_DISABLED: "true" }),
        FLEET_CONFIGURATION: join(this.folder, "configuration.json"),
        FLEET_HEARTBEAT: join(this.folder, "alive"),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }
}
