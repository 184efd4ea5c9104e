import pino from "pino";
import { serveHostApi, type HostApiServer, type HostBackend } from "../../scaler/agent/server";
import { agentConfiguration } from "../../scaler/configuration";
import type { HostState, Verb } from "../../scaler/hostApi";
import type { Machine } from "../support/aws/machines";
import { newInstance, obey, told, type FakeInstance } from "../scaler/fakeHost";
import type { StackBundles } from "./bundles";

/**
 * A machine of a pool: the agent's real server where the bundle says, and a stand-in for the instance that the agent
 * launches by itself. What the pool is made of is read from the bundle at each look, as the machine does.
 */
export class PoolMachine implements HostBackend {
  readonly instance: FakeInstance;
  private server: HostApiServer | undefined;
  private looks = 0;

  private constructor(
    readonly machine: Machine,
    readonly pool: string,
    readonly role: "bridge" | "jibri",
    /** Of what its instance was made. */
    private readonly revision: string,
    private readonly bundles: StackBundles,
  ) {
    this.instance = newInstance(role);
  }

  static async start(machine: Machine, pool: string, bundles: StackBundles): Promise<PoolMachine> {
    const { listen, role, revision } = await configurationOf(machine, pool, bundles);
    const started = new PoolMachine(machine, pool, role, revision, bundles);
    const log = pino({ level: "silent" });
    started.server = await serveHostApi({
      listen: { ...listen, address: machine.privateAddress },
      backend: started,
      log,
    });
    return started;
  }

  get name(): string {
    return `${this.pool}-${this.machine.id.replace(/^i-/, "")}`;
  }

  get hasPeople(): boolean {
    const { busy, ended, participants } = this.instance;
    return !ended && (participants > 0 || busy);
  }

  /** Whether somebody would be cut off if it ended now, or might come to it at that moment. */
  get isInUse(): boolean {
    const { ended, retiring } = this.instance;
    return this.hasPeople || (!ended && this.role === "bridge" && !retiring);
  }

  /** Whether its instance is made as the pool is made today. */
  async isCurrent(): Promise<boolean> {
    return (await configurationOf(this.machine, this.pool, this.bundles)).revision === this.revision;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await server?.close();
  }

  async state(): Promise<HostState> {
    this.looks += 1;
    const { host, revision } = await configurationOf(this.machine, this.pool, this.bundles);
    const instance = told(this.name, this.instance, `look ${this.looks}`, this.pool);
    return {
      host,
      time: new Date().toISOString(),
      version: "1",
      pools: [{ name: this.pool, role: this.role, revision, room: 0 }],
      instances: [{ ...instance, revision: this.revision }],
      ...(this.role === "jibri" ? { spool: { items: [], uploaded: 0, uploadedBytes: 0, partial: 0 } } : {}),
    };
  }

  launch() {
    return Promise.resolve("no slot" as const);
  }

  tell(name: string, verb: Verb) {
    if (name !== this.name) return Promise.resolve("absent" as const);
    obey(this.instance, verb);
    return Promise.resolve("done" as const);
  }

  remove() {
    return Promise.resolve("absent" as const);
  }
}

async function configurationOf(
  { id, privateAddress, publicAddress }: Machine,
  pool: string,
  bundles: StackBundles,
) {
  const bundle = await bundles.read(pool);
  const self = { id: id.replace(/^i-/, ""), privateAddress, publicAddress: publicAddress ?? "198.51.100.1" };
  const { host, listen, own, templates } = agentConfiguration.parse(
    JSON.parse(bundle.file("agent", "configuration.json", self)),
  );
  const [template] = templates;
  if (!template || own?.instance !== `${pool}-${self.id}`)
    throw new Error(`the agent of ${id} is told to launch ${own?.instance ?? "nothing"}`);
  return { host, listen, role: template.role, revision: template.revision };
}
