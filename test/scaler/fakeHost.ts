import { createHash } from "node:crypto";
import pino from "pino";
import { serveHostApi, type HostApiServer, type HostBackend } from "../../scaler/agent/server";
import type { HostState, Instance, Verb } from "../../scaler/hostApi";

export const AGENT_TOKEN = "the-agents-token-of-the-tests";

export interface FakeInstance {
  readonly role: "bridge" | "jibri";
  readonly launchedAt: string;
  participants: number;
  draining: boolean;
  retiring: boolean;
  busy: boolean;
  fenced: boolean;
  ended: boolean;
  /** Why it is not healthy; undefined: it is. */
  refusal?: string | undefined;
}

/** What the scaler asked a host to do. */
export interface Call {
  readonly kind: "launch" | Verb | "remove";
  readonly instance: string;
}

/** A stand-in for a host: its API is the agent's own server, its instances are entries in a table. */
export class FakeHost implements HostBackend {
  readonly instances = new Map<string, FakeInstance>();
  readonly calls: Call[] = [];
  /** Instances that were removed while somebody was on them, or before they took nothing new any more. */
  readonly cut: string[] = [];
  /** The most instances that there ever were at a time. */
  most = 0;
  /** Called before and after each call has its effect, before it is answered. */
  interrupt: (when: "before" | "after", call: Call) => Promise<void> = () => Promise.resolve();
  /** Called before each look is answered. */
  beforeLook: () => Promise<void> = () => Promise.resolve();
  private server: HostApiServer | undefined;
  private looks = 0;

  async start(): Promise<string> {
    const log = pino({ level: "silent" });
    const listen = { address: "127.0.0.1", port: 0, token: AGENT_TOKEN };
    this.server = await serveHostApi({ listen, backend: this, log });
    return `http://127.0.0.1:${this.server.port}`;
  }

  async stop(): Promise<void> {
    await this.server?.close();
    this.server = undefined;
  }

  /** Those of a role that run. */
  running(role: "bridge" | "jibri"): [string, FakeInstance][] {
    return [...this.instances].filter(([, one]) => one.role === role && !one.ended);
  }

  async state(): Promise<HostState> {
    await this.beforeLook();
    this.looks += 1;
    const timestamp = `look ${this.looks}`;
    return {
      host: "a",
      time: new Date().toISOString(),
      version: this.version(),
      pools: [
        { name: "s1-bridges", role: "bridge", revision: "1", room: 20 },
        { name: "jibris", role: "jibri", revision: "1", room: 20 },
      ],
      instances: [...this.instances].map(([name, one]) => told(name, one, timestamp)),
    };
  }

  launch(name: string, { pool, version }: { pool: string; version: string }) {
    return this.interrupted({ kind: "launch", instance: name }, () => {
      if (version !== this.version()) return "another version" as const;
      this.instances.set(name, newInstance(pool === "jibris" ? "jibri" : "bridge"));
      this.most = Math.max(this.most, this.instances.size);
      return "accepted" as const;
    });
  }

  tell(name: string, verb: Verb) {
    return this.interrupted({ kind: verb, instance: name }, () => {
      const one = this.instances.get(name);
      if (!one) return "absent" as const;
      obey(one, verb);
      return "done" as const;
    });
  }

  remove(name: string) {
    return this.interrupted({ kind: "remove", instance: name }, () => {
      const one = this.instances.get(name);
      const isInUse = one && (one.participants > 0 || one.busy || (one.role === "bridge" && !one.retiring));
      if (isInUse && !one.ended) this.cut.push(name);
      return this.instances.delete(name) ? ("accepted" as const) : ("absent" as const);
    });
  }

  private async interrupted<Outcome>(call: Call, effect: () => Outcome): Promise<Outcome> {
    this.calls.push(call);
    await this.interrupt("before", call);
    const outcome = effect();
    await this.interrupt("after", call);
    return outcome;
  }

  private version(): string {
    return createHash("sha256")
      .update([...this.instances.keys()].sort().join())
      .digest("hex");
  }
}

export const newInstance = (role: FakeInstance["role"]): FakeInstance => ({
  role,
  launchedAt: new Date().toISOString(),
  participants: 0,
  draining: false,
  retiring: false,
  busy: false,
  fenced: false,
  ended: false,
});

/** What becomes of an instance that is told so. */
export function obey(one: FakeInstance, verb: Verb): void {
  if (verb === "drain") one.draining = true;
  if (verb === "undrain") one.draining = false;
  if (verb === "retire") one.retiring = true;
  if (verb === "evacuate") Object.assign(one, { retiring: true, participants: 0 });
  if (verb === "fence") Object.assign(one, { fenced: true, ended: !one.busy });
}

/** What the agent would tell of an instance. */
export function told(
  name: string,
  one: FakeInstance,
  timestamp: string,
  pool = one.role === "bridge" ? "s1-bridges" : "jibris",
): Instance {
  const { busy, draining, ended, fenced, launchedAt, participants, refusal, retiring, role } = one;
  const bridge = {
    participants,
    octo_endpoints: 0,
    local_endpoints: participants,
    conferences: participants > 0 ? 1 : 0,
    stress_level: 0.05,
    drain: draining,
    graceful_shutdown: retiring,
    shutting_down: false,
    mucs_joined: 1,
    current_timestamp: timestamp,
  };
  const jibri = { status: { busyStatus: busy ? "BUSY" : "IDLE", health: { healthStatus: "HEALTHY" } } };
  return {
    name,
    pool,
    role,
    revision: "1",
    launchedAt,
    state: ended ? "exited" : "running",
    health: "healthy",
    fenced,
    ...(ended ? {} : { status: { status: 200, body: JSON.stringify(role === "bridge" ? bridge : jibri) } }),
    ...(ended || role === "jibri"
      ? {}
      : { healthCheck: { status: refusal === undefined ? 200 : 500, body: refusal ?? "" } }),
  };
}
