import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { nowSeconds } from "../clock";
import type { decide } from "../core/decide";
import type { Action, Fleet, PoolOutlook } from "../core/fleet";
import { noHistory, type History } from "../core/history";
import { withLeast, type FleetPolicy } from "../core/policy";
import type { Errand, FleetPort, Hands, InstanceAction, LaunchAction, Report } from "../fleets/port";
import { beat } from "../heartbeat";

/** An action, and what became of it. */
export interface Deed {
  readonly at: string;
  readonly action: Action | Errand["action"];
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
  readonly reports: Readonly<Record<string, Report>>;
  /** Whether this scaler acts on it; else another one does. */
  readonly leads: boolean;
}

/** What a loop goes by; may be exchanged while it runs. */
export interface LoopSettings {
  readonly fleet: FleetPort;
  readonly policy: FleetPolicy;
  readonly tickSeconds: number;
}

export interface LoopArgs {
  readonly decide: typeof decide;
  readonly log: Logger;
  readonly onDeed: (deed: Deed) => void;
}

const DEEDS_KEPT = 200;
const LONGEST_BACK_OFF_SECONDS = 60;
/** Calls to one place at a time. */
const AT_ONCE = 8;

/**
 * Looks at the fleet, decides, acts, again and again, from the fleet itself each time: ended at any point and started
 * anew it goes on with what is there.
 */
export class Loop {
  /** The last ones, newest first. */
  readonly deeds: Deed[] = [];
  look: Look | undefined;
  private history: History = noHistory;
  /** Actions that failed: how often in a row, and until when they are left alone. */
  private readonly failures = new Map<string, { readonly count: number; readonly untilSeconds: number }>();
  private readonly stopping = new AbortController();

  /** @param settings From the next look on those that are there then. */
  constructor(
    private readonly args: LoopArgs,
    public settings: LoopSettings,
  ) {}

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
      const rest = Math.max(0, started + this.settings.tickSeconds - nowSeconds());
      await sleep(rest * 1000, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  stop(): void {
    this.stopping.abort();
  }

  private async tick(): Promise<void> {
    const started = nowSeconds();
    const { fleet: port, policy } = this.settings;
    const { errands, fleet, hands, least, reports } = await port.look(policy);
    this.tellReports(reports);
    const now = nowSeconds();
    const decision = this.args.decide(fleet, this.history, withLeast(policy, least), now);
    this.history = decision.history;
    this.tellOutlook(decision.outlook);
    this.look = {
      atMilliseconds: Date.now(),
      seconds: now - started,
      fleet,
      outlook: decision.outlook,
      reports,
      leads: port.leads,
    };
    await this.atOnce(
      errands.map(
        ({ action, run }) =>
          () =>
            this.attempt(action, action.instance, run),
      ),
    );
    await Promise.all(
      [...hands].map(([place, has]) =>
        this.act(
          has,
          decision.actions.filter(({ host }) => host === place),
        ),
      ),
    );
  }

  private async act(hands: Hands, actions: readonly Action[]): Promise<void> {
    const [launches, others]: [LaunchAction[], InstanceAction[]] = [[], []];
    for (const action of actions) {
      if (action.kind === "launch") launches.push(action);
      else others.push(action);
    }
    await this.atOnce(
      others.map((action) => () => this.attempt(action, action.instance, () => hands.act(action))),
    );
    for (const { action, instance, run } of hands.steps(launches))
      if (!(await this.attempt(action, instance, run))) return;
  }

  private async atOnce(attempts: readonly (() => Promise<unknown>)[]): Promise<void> {
    for (let next = 0; next < attempts.length; next += AT_ONCE)
      await Promise.all(attempts.slice(next, next + AT_ONCE).map((attempt) => attempt()));
  }

  /** Does it and tells of it: whether it was done. What has failed is left alone for a while. */
  private async attempt(
    action: Deed["action"],
    instance: string,
    run: () => Promise<unknown>,
  ): Promise<boolean> {
    const key =
      action.kind === "launch" ? `launch ${action.pool} ${action.host}` : `${action.kind} ${instance}`;
    const before = this.failures.get(key);
    const isPutOff = before !== undefined && nowSeconds() < before.untilSeconds;
    if (isPutOff || this.stopping.signal.aborted || !this.settings.fleet.leads) return false;
    const entry = { kind: action.kind, instance, host: action.host, reason: action.reason };
    try {
      if ((await run()) === false) return false;
      this.failures.delete(key);
      this.keep({ at: new Date().toISOString(), action, instance });
      this.args.log.info(entry, action.kind);
      return true;
    } catch (error) {
      const count = (before?.count ?? 0) + 1;
      const longest = Math.min(LONGEST_BACK_OFF_SECONDS, 2 ** count);
      this.failures.set(key, { count, untilSeconds: nowSeconds() + Math.random() * longest });
      this.keep({ at: new Date().toISOString(), action, instance, error: messageOf(error) });
      this.args.log.warn({ ...entry, error: messageOf(error) }, `${action.kind} failed`);
      return false;
    }
  }

  private keep(deed: Deed): void {
    this.deeds.unshift(deed);
    this.deeds.length = Math.min(this.deeds.length, DEEDS_KEPT);
    this.args.onDeed(deed);
  }

  private tellReports(reports: Look["reports"]): void {
    for (const [host, report] of Object.entries(reports)) {
      const before = this.look?.reports[host];
      const wasLost = before !== undefined && "error" in before;
      if ("error" in report && !wasLost)
        this.args.log.warn({ host, error: report.error }, "host does not answer");
      if (!("error" in report) && wasLost) this.args.log.info({ host }, "host answers again");
    }
  }

  private tellOutlook(outlook: readonly PoolOutlook[]): void {
    for (const { pool, desired, reason, troubles } of outlook) {
      const before = this.look?.outlook.find((last) => last.pool === pool);
      if (!before || before.desired !== desired)
        this.args.log.info({ pool, desired: desired ?? null, reason }, "desired");
      if (troubles.join() !== (before?.troubles ?? []).join())
        this.args.log.warn({ pool, troubles }, troubles.length === 0 ? "no trouble any more" : "trouble");
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
