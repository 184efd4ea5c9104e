import { build } from "esbuild";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { bundle } from "../scaler/bundle";
import { serveHostApi } from "../scaler/agent/server";
import { parseJicofoStats } from "../scaler/jitsi/jicofo";
import { Edge } from "./edge";
import { LabHost, type LabPool } from "./host";
import type { Ledger } from "./ledger";
import { listening, type Processes } from "./processes";
import { Scaler, type ScalerView } from "./scaler";
import type { ShardSettings } from "./shard";

const SHARDS = ["s1", "s2"];
/** Participants that fill a bridge. */
const CAPACITY = 20;
const BRIDGES = { min: 2, max: 6, capacity: CAPACITY, fillPercent: 70, spare: 1, scaleInDelaySeconds: 10 };
const JIBRIS = { free: 2, max: 6, scaleInDelaySeconds: 10 };
const BRIDGE_BOOT_SECONDS = 4;
const JIBRI_BOOT_SECONDS = 6;
const TICK_SECONDS = 1;
const UPLOAD_SECONDS = 1.5;
const STAND_LIMIT_SECONDS = 60;

/** A shard as its Jicofo's statistics have it. */
interface ShardView {
  readonly name: string;
  readonly conferences: number;
  readonly participants: number;
  readonly recordings: number;
}

export interface LabView {
  readonly shards: readonly ShardView[];
  readonly scaler: ScalerView | undefined;
  readonly jibris: { readonly free: number; readonly busy: number; readonly uploading: number };
  readonly processes: number;
}

interface Shard {
  readonly name: string;
  readonly url: string;
}

/** A fleet on this machine: all that is real runs as in production, the rest answers as the real one does. */
export class Lab {
  private constructor(
    readonly edge: Edge,
    private readonly scaler: Scaler,
    private readonly hosts: readonly LabHost[],
    private readonly shards: readonly Shard[],
    private readonly folder: string,
    private readonly processes: Processes,
  ) {}

  /** Resolves when the fleet stands as it is at rest. `planted`: with a scaler that does not drain. */
  static async start(
    folder: string,
    processes: Processes,
    ledger: Ledger,
    planted: boolean,
    closing: AbortSignal,
  ): Promise<Lab> {
    const programs = join(folder, "programs");
    if (!planted) writeFileSync(join(programs, "scaler.js"), bundle("scaler"));
    // Below the project, in which scripts/start.mjs has this run.
    await build({
      entryPoints: {
        bridge: "lab/bridge.ts",
        jibri: "lab/jibri.ts",
        shard: "lab/shard.ts",
        ...(planted ? { scaler: "lab/plantedScaler.ts" } : {}),
      },
      outdir: programs,
      bundle: true,
      platform: "node",
      format: "cjs",
      logLevel: "warning",
    });
    const shards = await Promise.all(SHARDS.map((name) => startShard(name, processes)));
    const servers = shards.map(({ name, url }, index) => ({
      name,
      number: index + 1,
      release: "lab",
      web: { address: "127.0.0.1", port: Number(new URL(url).port) },
    }));
    const edge = await Edge.start(join(folder, "haproxy"), servers, processes);

    const pools: LabPool[] = [
      ...shards.map(({ name, url }) => ({
        name: `jvb-${name}`,
        role: "bridge" as const,
        shards: [url],
        bootSeconds: BRIDGE_BOOT_SECONDS,
        capacity: CAPACITY,
      })),
      {
        name: "jibri",
        role: "jibri",
        shards: shards.map(({ url }) => url),
        bootSeconds: JIBRI_BOOT_SECONDS,
        capacity: 1,
      },
    ];
    const store = join(folder, "store");
    const hosts = ["a", "b"].map(
      (name) => new LabHost(name, join(folder, `host-${name}`), store, pools, processes, ledger),
    );
    const agentToken = randomBytes(24).toString("hex");
    const log = pino(pino.destination(join(folder, "logs", "hosts.log")));
    const agents = await Promise.all(
      hosts.map(async (host) => {
        const listen = { address: "127.0.0.1", port: 0, token: agentToken };
        const { port } = await serveHostApi({ listen, backend: host, log });
        return { host: host.name, url: `http://127.0.0.1:${port}`, drained: false };
      }),
    );
    for (const host of hosts) setInterval(() => host.upload(), UPLOAD_SECONDS * 1000);

    const scaler = await Scaler.start(folder, processes, {
      stack: "lab",
      tickSeconds: TICK_SECONDS,
      fleet: {
        kind: "docker",
        agents,
        agentToken,
        shards: shards.map(({ name: shard, url }) => ({ shard, url })),
      },
      bridgePools: SHARDS.map((shard) => ({ name: `jvb-${shard}`, shard, policy: BRIDGES })),
      jibriPool: { name: "jibri", policy: JIBRIS },
    });
    const lab = new Lab(edge, scaler, hosts, shards, folder, processes);
    await lab.#stands(closing);
    ledger.stands();
    return lab;
  }

  get whereToLook(): string {
    return `The lab runs; Ctrl-C ends it.
  a meeting   ${this.edge.url}/welcome   (a page of the stand-in shard; its certificate is self-signed)
  the scaler  ${this.scaler.curl}
  logs        ${join(this.folder, "logs")}`;
  }

  async look(): Promise<LabView> {
    const shards = await Promise.all(
      this.shards.map(async ({ name, url }) => ({ name, ...parseJicofoStats(await textOf(`${url}/stats`)) })),
    );
    return {
      shards,
      scaler: await this.scaler.look(),
      jibris: this.hosts
        .map((host) => host.jibris())
        .reduce(
          (sum, { busy, free, uploading }) => ({
            free: sum.free + free,
            busy: sum.busy + busy,
            uploading: sum.uploading + uploading,
          }),
          { free: 0, busy: 0, uploading: 0 },
        ),
      processes: this.processes.count,
    };
  }

  /** Waits until every shard has its bridges and the free Jibris, and HAProxy answers. */
  async #stands(closing: AbortSignal): Promise<void> {
    const limit = Date.now() + STAND_LIMIT_SECONDS * 1000;
    const missing = async (): Promise<string | undefined> => {
      for (const { name, url } of this.shards) {
        const stats = JSON.parse(await textOf(`${url}/stats`)) as {
          bridge_selector: { operational_bridge_count: number };
          jibri_detector: { available: number };
        };
        const bridges = stats.bridge_selector.operational_bridge_count;
        const jibris = stats.jibri_detector.available;
        if (bridges < BRIDGES.min) return `${name} has ${bridges} of ${BRIDGES.min} bridges`;
        if (jibris < JIBRIS.free) return `${name} has ${jibris} of ${JIBRIS.free} free Jibris`;
      }
      const { status } = await this.edge.ask("/welcome");
      return status === 200 ? undefined : `HAProxy answers ${status}`;
    };
    for (;;) {
      const why = await missing().catch((error: unknown) => String(error));
      if (why === undefined || closing.aborted) return;
      if (Date.now() > limit)
        throw new Error(`the fleet does not stand after ${STAND_LIMIT_SECONDS} s: ${why}`);
      await sleep(200);
    }
  }
}

async function startShard(name: string, processes: Processes): Promise<Shard> {
  const settings: ShardSettings = { name, capacity: CAPACITY };
  const child = processes.program("shard", name, settings, () => undefined);
  processes.need(name, child);
  const [port = 0] = await listening(child);
  return { name, url: `http://127.0.0.1:${port}` };
}

async function textOf(url: string): Promise<string> {
  return (await fetch(url, { signal: AbortSignal.timeout(2000) })).text();
}
