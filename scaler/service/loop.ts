import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { AgentClient } from "../hosts/client";
import { nothingSeen, observe, type HostReport, type Seen } from "../hosts/observe";
import type { decide } from "../core/decide";
import type { Action, Fleet, PoolOutlook } from "../core/fleet";
import { noHistory, type History } from "../core/history";
import type { FleetPolicy } from "../core/policy";
import { beat } from "../heartbeat";
import type { HostState } from "../hostApi";

/** An action, and what became of it. */
export interface Deed {
  readonly at: string;
  readonly action: Action;
  /** The instance that it was about; a launch's new one. */
  readonly instance: string;
  readonly error?: string;
}

/** What the last look showed, and what was decided on it. */
export interface Look {
  readonly atMilliseconds: number;
  readonly seconds: number;
  readonly fleet: Fleet;
  readonly outlook: readonly PoolOutlook[];
  readonly reports: Readonly<Record<string, HostReport>>;
}

export interface LoopArgs {
  readonly hosts: readonly { readonly client: AgentClient; readonly drained: boolean }[];
  readonly policy: FleetPolicy;
  readonly tickSeconds: number;
  readonly decide: typeof decide;
  readonly log: Logger;
  readonly onDeed: (deed: Deed) => void;
}

const DEEDS_KEPT = 200;
const LONGEST_BACK_OFF_SECONDS = 60;
/** Calls to one host at a time. */
const AT_ONCE = 8;

/**
 * Looks at the fleet, decides, acts, again and again, from the fleet itself each time: ended at any point and started
 * anew it goes on with what is there.
 */
export class Loop {
  /** The last ones, newest first. */
  readonly deeds: Deed[] = [];
  look: Look | undefined;
  private seen: Seen = nothingSeen;
  private history: History = noHistory;
  /** Actions that failed: how often in a row, and until when they are left alone. */
  private readonly failures = new Map<string, { readonly count: number; readonly untilSeconds: number }>();
  private readonly stopping = new AbortController();

  constructor(private readonly args: LoopArgs) {}

  /** Runs until `stop`; then ends with the actions that are under way. */
  async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const started = nowSeconds();
      try {
        await this.tick();
        beat();
      } catch (error) {
        this.args.log.error({ error: messageOf(error) }, "this look failed; the next one comes");
      }
      const rest = Math.max(0, started + this.args.tickSeconds - nowSeconds());
      await sleep(rest * 1000, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  stop(): void {
    this.stopping.abort();
  }

  private async tick(): Promise<void> {
    const started = nowSeconds();
    const asked = await Promise.all(
      this.args.hosts.map(async ({ client, drained }) => ({
        name: client.host,
        drained,
        report: await client.state().catch((error: unknown): HostReport => ({ error: messageOf(error) })),
      })),
    );
    const reports = Object.fromEntries(asked.map(({ name, report }) => [name, report]));
    this.tellHosts(reports);
    const now = nowSeconds();
    const { fleet, seen } = observe(asked, this.seen, now);
    this.seen = seen;
    const decision = this.args.decide(fleet, this.history, this.args.policy, now);
    this.history = decision.history;
    this.tellOutlook(decision.outlook);
    this.look = {
      atMilliseconds: Date.now(),
      seconds: now - started,
      fleet,
      outlook: decision.outlook,
      reports,
    };
    await Promise.all(
      this.args.hosts.map(async ({ client }) => {
        const report = reports[client.host];
        const actions = decision.actions.filter(({ host }) => host === client.host);
        if (report && !("error" in report)) await this.act(client, report, actions);
      }),
    );
  }

  private async act(client: AgentClient, state: HostState, actions: readonly Action[]): Promise<void> {
    const others = actions.filter(({ kind }) => kind !== "launch");
    for (let next = 0; next < others.length; next += AT_ONCE)
      await Promise.all(
        others.slice(next, next + AT_ONCE).map((action) => this.attempt(client, action, state.version)),
      );
    await this.launch(
      client,
      state,
      actions.filter(({ kind }) => kind === "launch"),
    );
  }

  /**
   * Launches one after another, each on the state that it was decided on: that of the look, and what was launched
   * since. Where the host's instances are any others, the rest waits for the next look.
   */
  private async launch(client: AgentClient, decidedOn: HostState, actions: readonly Action[]): Promise<void> {
    const expected = new Set(decidedOn.instances.map(({ name }) => name));
    let { version } = decidedOn;
    for (const [index, action] of actions.entries()) {
      if (this.stopping.signal.aborted) return;
      const launched = await this.attempt(client, action, version);
      if (launched === undefined || index === actions.length - 1) return;
      expected.add(launched);
      const state = await client.state().catch(() => undefined);
      const isExpected =
        state?.instances.length === expected.size && state.instances.every(({ name }) => expected.has(name));
      if (!isExpected) return;
      ({ version } = state);
    }
  }

  /** Does it and tells of it: the instance that it was about, or undefined where it failed or was put off. */
  private async attempt(client: AgentClient, action: Action, version: string): Promise<string | undefined> {
    const instance = action.kind === "launch" ? `${action.pool}-${launchId()}` : action.instance;
    const key =
      action.kind === "launch" ? `launch ${action.pool} ${action.host}` : `${action.kind} ${instance}`;
    const before = this.failures.get(key);
    if (before && nowSeconds() < before.untilSeconds) return undefined;
    const entry = { kind: action.kind, instance, host: action.host, reason: action.reason };
    try {
      if (action.kind === "launch") await client.launch(instance, { pool: action.pool, version });
      else if (action.kind === "remove") await client.remove(instance);
      else await client.tell(instance, action.kind);
      this.failures.delete(key);
      this.keep({ at: new Date().toISOString(), action, instance });
      this.args.log.info(entry, action.kind);
      return instance;
    } catch (error) {
      const count = (before?.count ?? 0) + 1;
      const longest = Math.min(LONGEST_BACK_OFF_SECONDS, 2 ** count);
      this.failures.set(key, { count, untilSeconds: nowSeconds() + Math.random() * longest });
      this.keep({ at: new Date().toISOString(), action, instance, error: messageOf(error) });
      this.args.log.warn({ ...entry, error: messageOf(error) }, `${action.kind} failed`);
      return undefined;
    }
  }

  private keep(deed: Deed): void {
    this.deeds.unshift(deed);
    this.deeds.length = Math.min(this.deeds.length, DEEDS_KEPT);
    this.args.onDeed(deed);
  }

  private tellHosts(reports: Look["reports"]): void {
    for (const [host, report] of Object.entries(reports)) {
      const before = this.look?.reports[host];
      const wasLost = before !== undefined && "error" in before;
      if ("error" in report && !wasLost)
        this.args.log.warn({ host, error: report.error }, "host does not answer");
      if (!("error" in report) && wasLost) this.args.log.info({ host }, "host answers again");
    }
  }

  private tellOutlook(outlook: readonly PoolOutlook[]): void {
    for (const { pool, desired, reason } of outlook) {
      const before = this.look?.outlook.find((last) => last.pool === pool);
      if (!before || before.desired !== desired)
        this.args.log.info({ pool, desired: desired ?? null, reason }, "desired");
    }
  }
}

const nowSeconds = (): number => performance.now() / 1000;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Never the same twice, so that a bridge's nickname is a new one each launch. */
function launchId(): string {
  const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  return Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join("");
}
