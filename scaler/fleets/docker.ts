import { randomInt } from "node:crypto";
import { nowSeconds } from "../clock";
import type { DockerFleetConfiguration, ScalerConfiguration } from "../configuration";
import type { HostState } from "../hostApi";
import { AgentClient } from "./agentClient";
import { Edges } from "./edges";
import { askFocuses } from "./focuses";
import { nothingSeen, observe, type HostReport, type Seen } from "./observe";
import type { FleetLook, FleetPort, Hands, LaunchAction, LaunchStep } from "./port";

/** Docker hosts, each with its agent: a place is a host. */
export class DockerFleet implements FleetPort {
  /** There is one scaler. */
  readonly leads = true;
  private hosts: readonly { readonly client: AgentClient; readonly drained: boolean }[] = [];
  private shards: DockerFleetConfiguration["shards"] = [];
  private seen: Seen = nothingSeen;
  private edges = new Edges(undefined);

  constructor(configuration: DockerFleetConfiguration) {
    this.configure(configuration);
  }

  configure(configuration: ScalerConfiguration["fleet"]): boolean {
    if (configuration.kind !== "docker") return false;
    const { agentCertificate, agentToken, agents, edges, shards } = configuration;
    this.shards = shards;
    this.edges = new Edges(edges);
    this.hosts = agents.map(({ host, url, drained }) => ({
      client: new AgentClient({ host, url, token: agentToken, certificate: agentCertificate }),
      drained,
    }));
    return true;
  }

  async look(): Promise<FleetLook> {
    const { hosts } = this;
    this.edges.ask();
    const [asked, focuses] = await Promise.all([
      Promise.all(
        hosts.map(async ({ client, drained }) => ({
          name: client.host,
          drained,
          report: await client.state().catch((error: unknown): HostReport => ({ error: messageOf(error) })),
        })),
      ),
      askFocuses(this.shards),
    ]);
    const { fleet, seen } = observe(asked, this.seen, nowSeconds());
    this.seen = seen;
    const reports = Object.fromEntries(asked.map(({ name, report }) => [name, report]));
    const hands = hosts.flatMap(({ client }) => {
      const report = reports[client.host];
      return report && !("error" in report) ? [[client.host, handsOn(client, report)] as const] : [];
    });
    return {
      fleet: { ...fleet, focuses, edges: this.edges.sights },
      reports,
      hands: new Map(hands),
      least: {},
      errands: [],
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function handsOn(client: AgentClient, seen: HostState): Hands {
  return {
    act: ({ instance, kind }) => (kind === "remove" ? client.remove(instance) : client.tell(instance, kind)),
    steps: (launches) => stepsOn(client, seen, launches),
  };
}

/**
 * Launches one after another, each on the state that it was decided on: that of the look, and what was launched
 * since. Where the host's instances are any others, the rest waits for the next look.
 */
function stepsOn(client: AgentClient, seen: HostState, launches: readonly LaunchAction[]): LaunchStep[] {
  const expected = new Set(seen.instances.map(({ name }) => name));
  const isExpected = ({ instances }: HostState): boolean =>
    instances.length === expected.size && instances.every(({ name }) => expected.has(name));
  return launches.map((action, index) => {
    const instance = `${action.pool}-${launchId()}`;
    const run = async (): Promise<boolean> => {
      const state = index === 0 ? seen : await client.state().catch(() => undefined);
      if (!state || !isExpected(state)) return false;
      await client.launch(instance, { pool: action.pool, version: state.version });
      expected.add(instance);
      return true;
    };
    return { action, instance, run };
  });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Never the same twice, so that a bridge's nickname is a new one each launch. */
function launchId(): string {
  const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  return Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join("");
}
