import { CloudWatchClient, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import type { Logger } from "pino";
import { nowSeconds } from "../../clock";
import type { AwsFleetConfiguration, ScalerConfiguration } from "../../configuration";
import type { FleetPolicy } from "../../core/policy";
import { STATUS_ITEM, type FleetStatus } from "../../fleetStatus";
import type { Verb } from "../../hostApi";
import { RoomsClient } from "../../keeper/roomsClient";
import { AgentClient } from "../agentClient";
import { Edges } from "../edges";
import { askFocuses } from "../focuses";
import { nothingSeen, observe, type AskedHost, type HostReport, type Seen } from "../observe";
import { shortReason } from "../../shortReason";
import type { Errand, FleetLook, FleetPort, Hands, LaunchAction, LaunchStep, Report } from "../port";
import { clientSettings, Cloud, type Hook } from "./cloud";
import {
  commanded,
  desiredNow,
  haveTold,
  hostName,
  isProvenEmpty,
  maximumFor,
  membersOf,
  placeOf,
  raised,
  type Command,
  type Group,
  type Machine,
  type Member,
  type PoolGroup,
} from "./groupState";
import { Inbox } from "./inbox";
import { LeaseKeeper } from "./leaseKeeper";
import type { Message } from "./messages";
import { Notices } from "./notices";
import { metricsOf, statusOf, type SeenPool } from "./status";
import { Table } from "./table";
import { stepsFor, type Step } from "./termination";

/** A machine whose agent has not said a word by then is worth a line. */
const BOOT_SECONDS = 300;
const METRICS_SECONDS = 60;
/** What answers for the groups themselves among the reports. */
const GROUPS_REPORT = "Auto Scaling";

/** A group as it was last described, and what was asked of it since. */
interface Known {
  readonly group: Group;
  readonly fresh: boolean;
}

/** A group in a look: all that acting on it takes. */
interface Sight extends SeenPool {
  readonly group: Group;
  /** The most instances that it may have. */
  readonly most: number;
}

/**
 * Machines of Auto Scaling groups: a place is a group. AWS says what instances there are and each machine's agent how its own
 * is. The desired capacity is only ever raised; who goes is ended by name, drained and empty. What is announced to end by
 * others is seen in the groups themselves, so that lost or doubled messages change nothing.
 */
export class AwsFleet implements FleetPort {
  private readonly cloud: Cloud;
  private readonly metrics: CloudWatchClient;
  private readonly table: Table;
  private readonly lease: LeaseKeeper;
  private readonly inbox: Inbox;
  private readonly notices: Notices;
  private edges: Edges;
  private hasLed = false;
  private seen: Seen = nothingSeen;
  private known = new Map<string, Known>();
  private machines = new Map<string, Machine>();
  private clients = new Map<string, { readonly address: string; readonly client: AgentClient }>();
  private readonly commands = new Map<string, Command>();
  private readonly firstSeen = new Map<string, number>();
  private readonly hasTold = new Set<string>();
  private readonly hooks = new Map<string, Hook>();
  /** When each waiting instance's hook was last told to hold it, or it was first seen to wait. */
  private held = new Map<string, number>();
  private metricsAtSeconds = -Infinity;

  constructor(
    private configuration: AwsFleetConfiguration,
    private readonly log: Logger,
  ) {
    const { leaseSeconds, queueUrl, replica, table } = configuration;
    this.cloud = new Cloud(configuration);
    this.metrics = new CloudWatchClient(clientSettings(configuration));
    this.table = new Table(configuration, table);
    this.notices = new Notices(this.table);
    this.edges = new Edges(configuration.edges);
    this.lease = new LeaseKeeper(this.table, replica, leaseSeconds, log);
    this.inbox = new Inbox(
      configuration,
      queueUrl,
      () => this.leads,
      (message) => this.take(message),
      log,
    );
  }

  get leads(): boolean {
    return this.lease.isHeld;
  }

  configure(configuration: ScalerConfiguration["fleet"]): boolean {
    if (configuration.kind !== "aws" || reachOf(configuration) !== reachOf(this.configuration)) return false;
    this.configuration = configuration;
    this.edges = new Edges(configuration.edges);
    this.clients.clear();
    return true;
  }

  async close(): Promise<void> {
    await Promise.all([this.inbox.close(), this.lease.close()]);
    this.cloud.close();
    this.metrics.destroy();
    this.table.close();
  }

  async look(policy: FleetPolicy): Promise<FleetLook> {
    if (this.leads) this.edges.ask();
    if (this.leads && !this.hasLed) await this.notices.load();
    this.hasLed = this.leads;
    const { groups } = this.configuration;
    const failure = await this.describe(groups);
    const [asked, shards, focuses] = await Promise.all([
      this.askMachines(),
      this.askShards(),
      askFocuses(this.leads ? this.configuration.shards : []),
    ]);
    const now = nowSeconds();
    const { fleet: told, seen } = observe(asked, this.seen, now);
    this.seen = seen;
    const sights = groups.flatMap((of): Sight[] => {
      const known = this.known.get(of.group);
      if (!known) return [];
      const members = membersOf(of, known.group, this.machines, this.notices.all, told, now);
      return [{ of, ...known, members, most: mostOf(of, policy, known.group) }];
    });
    const places = sights.map((sight) => this.placeOf(sight, now));
    const unseen = groups.filter(({ group }) => !this.known.has(group));
    await this.remember(sights, now);
    if (this.leads) await this.writeDown(sights, shards);
    return {
      fleet: {
        hosts: [
          ...places.map(({ host }) => host),
          ...unseen.map(({ group: name, pool: only }) => ({
            name,
            only,
            drained: false,
            reachable: false,
            told: false,
            room: {},
          })),
        ],
        bridges: places.flatMap(({ bridges }) => bridges),
        jibris: places.flatMap(({ jibris }) => jibris),
        focuses,
        edges: this.leads ? this.edges.sights : [],
      },
      reports: this.reports(asked, failure, now),
      hands: new Map(sights.map((sight) => [sight.of.group, this.handsOn(sight)])),
      least: Object.fromEntries(sights.map(({ group, of }) => [of.pool, group.min])),
      errands: sights.flatMap((sight) => this.errands(sight, now)),
    };
  }

  /** Describes groups and machines. Where that fails, what was last described stands: why it failed. */
  private async describe(groups: readonly PoolGroup[]): Promise<string | undefined> {
    const before = this.known;
    try {
      const described = await this.cloud.groups(groups.map(({ group }) => group));
      this.known = new Map(described.map((group) => [group.name, { group, fresh: true }]));
      const members = described.flatMap(({ instances }) => instances);
      const there = new Set(members.map(({ id }) => id));
      for (const id of this.machines.keys()) if (!there.has(id)) this.machines.delete(id);
      // Those that serve and have an address are asked themselves; whether the others' machines live, EC2 knows.
      const asked = members.filter(
        ({ id, lifecycle }) => lifecycle !== "InService" || this.machines.get(id)?.address === undefined,
      );
      for (const [id, machine] of await this.cloud.machines(asked.map(({ id }) => id)))
        this.machines.set(id, machine);
      const missing = groups.filter(({ group }) => !this.known.has(group));
      return missing.length === 0
        ? undefined
        : `there is no group ${missing.map(({ group }) => group).join(", ")}`;
    } catch (error) {
      this.known = new Map([...before].map(([name, { group }]) => [name, { group, fresh: false }] as const));
      return messageOf(error);
    }
  }

  private askMachines(): Promise<AskedHost[]> {
    const ids = [...this.known.values()].flatMap(({ group }) =>
      group.instances.filter(({ lifecycle }) => !lifecycle.startsWith("Pending")).map(({ id }) => id),
    );
    const clients = ids.flatMap((id) => {
      const client = this.clientOf(id);
      return client ? [[id, client] as const] : [];
    });
    const asked = new Set(clients.map(([id]) => id));
    this.clients = new Map([...this.clients].filter(([id]) => asked.has(id)));
    return Promise.all(
      clients.map(async ([name, client]) => ({
        name,
        drained: false,
        report: await client.state().catch((error: unknown): HostReport => ({ error: messageOf(error) })),
      })),
    );
  }

  private clientOf(id: string): AgentClient | undefined {
    const address = this.machines.get(id)?.address;
    if (address === undefined) return undefined;
    const before = this.clients.get(id);
    if (before?.address === address) return before.client;
    const { agentCertificate: certificate, agentPort, agentToken: token } = this.configuration;
    const scheme = certificate === undefined ? "http" : "https";
    const client = new AgentClient({
      host: hostName(id),
      url: `${scheme}://${address}:${agentPort}`,
      token,
      certificate,
    });
    this.clients.set(id, { address, client });
    return client;
  }

  private askShards(): Promise<FleetStatus["shards"]> {
    return Promise.all(
      this.leads
        ? this.configuration.shards.map(async (at) => {
            try {
              const { conferences, participants } = await new RoomsClient(at).stats();
              return { shard: at.shard, participants, conferences };
            } catch (error) {
              return { shard: at.shard, error: shortReason(error) };
            }
          })
        : [],
    );
  }

  private placeOf({ fresh, group, members, most, of }: Sight, now: number) {
    const since = this.firstSeen.get(of.group) ?? now;
    this.firstSeen.set(of.group, since);
    if (haveTold(members, since, now)) this.hasTold.add(of.group);
    const desired = desiredNow(group.desired, this.commands.get(of.group), now);
    const told = this.hasTold.has(of.group);
    return placeOf(of, members, { desired, fresh, most, told }, now);
  }

  /** What is kept of instances goes with them. */
  private async remember(sights: readonly Sight[], now: number): Promise<void> {
    const members = sights.flatMap((sight) => sight.members.map((member) => ({ member, sight })));
    const waiting = members.filter(({ member }) => member.phase === "waits");
    this.held = new Map(waiting.map(({ member: { id } }) => [id, this.held.get(id) ?? now]));
    for (const { group } of waiting.map(({ sight: { of } }) => of))
      if (!this.hooks.has(group)) {
        const hook = await this.cloud.terminatingHook(group).catch((error: unknown) => {
          this.log.warn({ group, error: messageOf(error) }, "its hook cannot be described");
          return undefined;
        });
        if (hook) this.hooks.set(group, hook);
      }
    if (this.leads && sights.every(({ fresh }) => fresh))
      await this.notices
        .keepOnly(new Set(members.map(({ member: { id } }) => id)))
        .catch((error: unknown) => this.log.warn({ error: messageOf(error) }, "notices were not written"));
  }

  private reports(
    asked: readonly AskedHost[],
    failure: string | undefined,
    now: number,
  ): Record<string, Report> {
    const isBooting = (id: string): boolean =>
      this.seen.states[id] === undefined &&
      now - (this.machines.get(id)?.launchedAtSeconds ?? now) < BOOT_SECONDS;
    const machines = asked
      .filter(({ name, report }) => !("error" in report) || !isBooting(name))
      .map(({ name, report }) => [name, report] as const);
    return {
      [GROUPS_REPORT]: failure === undefined ? { pools: [] } : { error: failure },
      ...Object.fromEntries(machines),
    };
  }

  private handsOn(sight: Sight): Hands {
    const clientOf = (instance: string): AgentClient => {
      const member = sight.members.find(({ name }) => name === instance);
      const client = member && this.clientOf(member.id);
      if (!client) throw new Error(`${instance} is no instance of ${sight.of.group} with an address`);
      return client;
    };
    return {
      act: async ({ instance, kind }) => {
        if (kind !== "remove") return clientOf(instance).tell(instance, kind);
        const member = sight.members.find(({ name }) => name === instance);
        if (!member) throw new Error(`${instance} is no instance of ${sight.of.group}`);
        await this.end(sight, member);
      },
      steps: (launches) => this.launchStep(sight, launches),
    };
  }

  private launchStep({ of, most }: Sight, launches: readonly LaunchAction[]): LaunchStep[] {
    const [action] = launches;
    if (!action) return [];
    const run = async (): Promise<boolean> => {
      const { group, known } = await this.reread(of);
      const expected = desiredNow(known.desired, this.commands.get(of.group), nowSeconds());
      const target = raised(group, expected, launches.length, most);
      if (target === undefined) return false;
      const maximum = maximumFor(group, target, most);
      this.mustLead();
      if (maximum !== undefined && maximum > group.max) await this.cloud.setMaximum(of.group, maximum);
      this.mustLead();
      await this.cloud.setDesired(of.group, target);
      this.command(of, group.desired, target);
      return true;
    };
    return [{ action, instance: `${launches.length} × ${of.pool}`, run }];
  }

  /** The group as it is just now, beside as it was in this look. */
  private async reread({ group: name }: PoolGroup): Promise<{ group: Group; known: Group }> {
    const [group] = await this.cloud.groups([name]);
    const known = this.known.get(name);
    if (!group || !known) throw new Error(`there is no group ${name}`);
    return { group, known: known.group };
  }

  /**
   * Ends a machine that its agent says once more is empty. Never below the group's own minimum: there another comes in
   * its place.
   */
  private async end({ of }: Sight, member: Member): Promise<void> {
    await this.mustBeEmpty(member);
    const { group } = await this.reread(of);
    const before = desiredNow(group.desired, this.commands.get(of.group), nowSeconds());
    const isCounted = member.phase === "serving";
    const decrement = isCounted && before > group.min;
    this.mustLead();
    await this.cloud.terminate(member.id, decrement);
    if (decrement) this.command(of, group.desired, before - 1);
  }

  private command({ group }: PoolGroup, described: number, desired: number): void {
    this.commands.set(group, commanded(this.commands.get(group), described, desired, nowSeconds()));
  }

  /** Throws unless the machine has ended, or its agent says at this moment that nothing would be lost with it. */
  private async mustBeEmpty({ gone, id, name }: Member): Promise<void> {
    if (gone) return;
    const client = this.clientOf(id);
    const report = await client?.state();
    if (!report) throw new Error(`${name} has no address to be asked at`);
    const { fleet } = observe([{ name: id, drained: false, report }], this.seen, nowSeconds());
    const told = [...fleet.bridges, ...fleet.jibris].find((one) => one.name === name);
    if (!isProvenEmpty(told)) throw new Error(`${name} is not empty any more`);
  }

  private mustLead(): void {
    if (!this.leads) throw new Error("another scaler acts now");
  }

  private errands(sight: Sight, now: number): Errand[] {
    const { group, most, of } = sight;
    const hook = this.hooks.get(of.group);
    const about = (instance: string, { kind, reason }: Step): Errand["action"] => ({
      kind,
      pool: of.pool,
      host: of.group,
      instance,
      reason,
    });
    const steps = sight.members.flatMap((member): Errand[] => {
      const toldAtSeconds = this.held.get(member.id);
      const hold = hook && toldAtSeconds !== undefined ? { ...hook, toldAtSeconds } : undefined;
      return stepsFor(member, hold, now).map((step) => ({
        action: about(member.name, step),
        run: () => this.carryOut(sight, member, step),
      }));
    });
    const maximum = sight.fresh ? maximumFor(group, 0, most) : undefined;
    if (maximum === undefined) return steps;
    return [
      ...steps,
      {
        action: {
          kind: "limit",
          pool: of.pool,
          host: of.group,
          instance: of.group,
          reason: `${maximum} are the most that the pool may have, and the group has no more`,
        },
        run: async () => {
          const { group: now } = await this.reread(of);
          const target = desiredNow(now.desired, this.commands.get(of.group), nowSeconds());
          if (maximumFor(now, target, most) !== maximum) return;
          this.mustLead();
          await this.cloud.setMaximum(of.group, maximum);
        },
      },
    ];
  }

  private async carryOut(sight: Sight, member: Member, { kind }: Step): Promise<void> {
    const { group } = sight.of;
    if (kind === "remove") return this.end(sight, member);
    if (kind === "complete" || kind === "heartbeat") {
      const hook = this.hooks.get(group);
      if (!hook) throw new Error(`what holds ${member.name} is not known: ${group} has no terminating hook`);
      if (kind === "complete") await this.mustBeEmpty(member);
      this.mustLead();
      await this.cloud[kind](group, hook.name, member.id);
      this.held.set(member.id, nowSeconds());
      return;
    }
    const client = this.clientOf(member.id);
    if (!client) throw new Error(`${member.name} has no address to be told at`);
    const verb: Verb = kind;
    await client.tell(member.name, verb);
  }

  private async take(message: Message): Promise<void> {
    switch (message.kind) {
      case "interruption":
      case "rebalance":
        await this.notices.add(message);
        return;
      case "terminating":
        // Others are seen in their groups; these serve nobody and are in no list.
        if (message.fromWarmPool && this.known.has(message.group))
          await this.cloud.complete(message.group, message.hook, message.instance);
        return;
      case "other":
        this.log.info({ what: message.what }, "a message that asks for nothing");
    }
  }

  private async writeDown(sights: readonly Sight[], shards: FleetStatus["shards"]): Promise<void> {
    const at = new Date();
    const told = { shards, edges: this.edges.answers };
    const status = statusOf(sights, told, this.configuration.replica, at);
    const isDue = nowSeconds() - this.metricsAtSeconds >= METRICS_SECONDS;
    try {
      await this.table.write(STATUS_ITEM, { status: JSON.stringify(status) });
      if (!isDue) return;
      await this.metrics.send(
        new PutMetricDataCommand({
          Namespace: this.configuration.namespace,
          MetricData: metricsOf(sights, at),
        }),
      );
      this.metricsAtSeconds = nowSeconds();
    } catch (error) {
      this.log.warn({ error: messageOf(error) }, "the status was not written");
    }
  }
}

/** What the clients are made of. */
const reachOf = ({
  endpoint,
  leaseSeconds,
  queueUrl,
  region,
  replica,
  table,
}: AwsFleetConfiguration): string =>
  JSON.stringify([endpoint, leaseSeconds, queueUrl, region, replica, table]);

/** The most instances that a pool may have: at least the group's own minimum. */
function mostOf({ pool }: PoolGroup, policy: FleetPolicy, { min }: Group): number {
  const wanted = [...policy.bridgePools, ...(policy.jibriPool ? [policy.jibriPool] : [])].find(
    ({ name }) => name === pool,
  );
  return Math.max(min, wanted?.policy.max ?? 0);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
