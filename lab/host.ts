import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import type { HostBackend, LaunchOutcome, RemoveOutcome, TellOutcome } from "../scaler/agent/server";
import type { Answer, HostState, Instance, LaunchRequest, Verb } from "../scaler/hostApi";
import type { BridgeSettings } from "./bridge";
import type { JibriSettings } from "./jibri";
import type { Ledger, Role } from "./ledger";
import { end, type Processes } from "./processes";
import type { Message } from "./program";
import { LabSpool } from "./spool";

/** A pool as the lab's hosts run it. */
export interface LabPool {
  readonly name: string;
  readonly role: Role;
  /** The addresses of the shards that its instances serve. */
  readonly shards: readonly string[];
  readonly bootSeconds: number;
  readonly capacity: number;
}

interface LabInstance {
  readonly pool: LabPool;
  readonly launchedAt: string;
  readonly child: ChildProcess;
  ports: readonly number[];
  carried: Readonly<Record<string, number>>;
  state: Instance["state"];
  detail?: string;
  fenced: boolean;
}

const REVISION = "lab";
/** Instances of a role, all pools together. */
const SLOTS: Record<Role, number> = { bridge: 6, jibri: 3 };
const ANSWER_LIMIT_SECONDS = 2;

/** A host of the lab: what an agent does with containers, done with processes. */
export class LabHost implements HostBackend {
  readonly #instances = new Map<string, LabInstance>();
  readonly #spool: LabSpool;

  constructor(
    readonly name: string,
    private readonly storage: string,
    store: string,
    private readonly pools: readonly LabPool[],
    private readonly processes: Processes,
    private readonly ledger: Ledger,
  ) {
    this.#spool = new LabSpool(storage, store, (instance) => this.#isAlive(instance), ledger);
  }

  /** What the Jibris here do. */
  jibris(): { free: number; busy: number; uploading: number } {
    const waiting = new Set(this.#spool.state().items.map(({ instance }) => instance));
    const running = [...this.#instances].filter(
      ([, { pool, state }]) => pool.role === "jibri" && state === "running",
    );
    const busy = running.filter(([, { carried }]) => Object.keys(carried).length > 0);
    const uploading = running.filter((of) => !busy.includes(of) && waiting.has(of[0]));
    return {
      free: running.length - busy.length - uploading.length,
      busy: busy.length,
      uploading: uploading.length,
    };
  }

  async state(): Promise<HostState> {
    const instances = await Promise.all([...this.#instances].map(([name, of]) => this.#describe(name, of)));
    return {
      host: this.name,
      time: new Date().toISOString(),
      version: this.#version(),
      pools: this.pools.map(({ name, role }) => ({ name, role, revision: REVISION, room: this.#room(role) })),
      instances,
      spool: this.#spool.state(),
    };
  }

  launch(name: string, { pool: poolName, version }: LaunchRequest): Promise<LaunchOutcome> {
    return Promise.resolve(this.#launch(name, poolName, version));
  }

  #launch(name: string, poolName: string, version: string): LaunchOutcome {
    if (this.#instances.has(name)) return "accepted";
    const pool = this.pools.find((of) => of.name === poolName);
    if (!pool) return "no such pool";
    if (version !== this.#version()) return "another version";
    if (this.#room(pool.role) === 0) return "no slot";
    this.#start(name, pool);
    return "accepted";
  }

  #start(name: string, pool: LabPool): void {
    const { bootSeconds, capacity, role, shards } = pool;
    const settings: BridgeSettings | JibriSettings =
      role === "bridge"
        ? { name, shards, bootSeconds, capacity }
        : { name, shards, bootSeconds, storage: this.storage };
    const child = this.processes.program(role, name, settings, (message) => this.#hear(instance, message));
    const instance: LabInstance = {
      pool,
      launchedAt: new Date().toISOString(),
      child,
      ports: [],
      carried: {},
      state: "launching",
      fenced: false,
    };
    this.#instances.set(name, instance);
    this.ledger.launched(role);
    child.once("spawn", () => (instance.state = "running"));
    child.once("exit", (code, signal) => {
      const told = instance.state === "stopping" ? "removed by the scaler" : "ended by itself";
      const how = `ended with ${code ?? signal ?? "nothing"}`;
      this.ledger.ended(role, name, instance.carried, `${told} (${how})`);
      if (instance.state === "stopping") this.#instances.delete(name);
      else Object.assign(instance, { state: "exited", detail: how });
    });
  }

  async tell(name: string, verb: Verb): Promise<TellOutcome> {
    const instance = this.#instances.get(name);
    if (!instance || (verb === "fence") !== (instance.pool.role === "jibri")) return "absent";
    const [first = 0, internal = 0] = instance.ports;
    const calls: Record<Verb, { port: number; path: string; body?: string }> = {
      drain: { port: first, path: "/colibri/drain/enable" },
      undrain: { port: first, path: "/colibri/drain/disable" },
      retire: { port: first, path: "/colibri/shutdown", body: '{"graceful-shutdown":"true"}' },
      evacuate: { port: first, path: "/colibri/shutdown", body: '{"graceful-shutdown":"false"}' },
      fence: { port: internal, path: "/jibri/api/internal/v1.0/gracefulShutdown" },
    };
    const { port, path, body } = calls[verb];
    const answer = await ask(port, path, { method: "POST", ...(body === undefined ? {} : { body }) });
    if (!("status" in answer) || answer.status !== 200)
      return { failed: `${name} did not obey ${verb}: ${JSON.stringify(answer)}` };
    if (verb === "fence") instance.fenced = true;
    return "done";
  }

  remove(name: string): Promise<RemoveOutcome> {
    const instance = this.#instances.get(name);
    if (!instance) return Promise.resolve("absent");
    if (instance.state === "exited") this.#instances.delete(name);
    else if (instance.state !== "stopping") {
      instance.state = "stopping";
      void end(instance.child);
    }
    return Promise.resolve("accepted");
  }

  /** Uploads what is in the spool, a step further. */
  upload(): void {
    this.#spool.upload();
  }

  #hear(instance: LabInstance, message: Message): void {
    switch (message.kind) {
      case "listening":
        instance.ports = message.ports;
        break;
      case "carrying":
        instance.carried = message.rooms;
        break;
      case "recorded":
        this.ledger.recorded(message.session, message.sha256);
        break;
    }
  }

  #isAlive(name: string): boolean {
    const state = this.#instances.get(name)?.state;
    return state !== undefined && state !== "exited";
  }

  #room(role: Role): number {
    const taken = [...this.#instances].filter(
      ([name, { pool }]) => pool.role === role && this.#isAlive(name),
    );
    return Math.max(0, SLOTS[role] - taken.length);
  }

  #version(): string {
    return createHash("sha256")
      .update([...this.#instances.keys()].sort().join())
      .digest("hex")
      .slice(0, 16);
  }

  async #describe(name: string, instance: LabInstance): Promise<Instance> {
    const { detail, fenced, launchedAt, pool, ports, state } = instance;
    const [port = 0] = ports;
    const common = { name, pool: pool.name, role: pool.role, revision: REVISION, launchedAt, state, fenced };
    const described = { ...common, health: "none" as const, ...(detail === undefined ? {} : { detail }) };
    if (state !== "running") return described;
    if (pool.role === "jibri") return { ...described, status: await ask(port, "/jibri/api/v1.0/health") };
    const [status, healthCheck] = await Promise.all([
      ask(port, "/colibri/stats"),
      ask(port, "/about/health"),
    ]);
    return { ...described, media: { address: "127.0.0.1", port }, status, healthCheck };
  }
}

async function ask(port: number, path: string, init: RequestInit = {}): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_SECONDS * 1000);
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, signal });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    return { error: String(error) };
  }
}
