import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Reach } from "./topology";

export interface ReachTimes {
  readonly intervalSeconds: number;
  /** A shard that fails for so long, without a success, is down. */
  readonly downAfterSeconds: number;
  /** A shard that was down is up again after so long without a failure. */
  readonly upAfterSeconds: number;
}

interface Evidence {
  reach: Reach;
  /** Whether it was ever found up or down. */
  isJudged: boolean;
  /** Since when every check has had the same result. */
  since: number;
  isWell: boolean | undefined;
}

const ANSWER_LIMIT_SECONDS = 2;

/** How this node finds the shards: each is asked whether its Prosody and its Jicofo are well. */
export class ReachOfShards {
  private readonly records = new Map<string, Evidence>();

  constructor(
    /** Who asks, as shards see it. */
    private readonly node: string,
    private readonly times: ReachTimes,
  ) {}

  /** By shard. */
  get all(): Record<string, Reach> {
    return Object.fromEntries([...this.records].map(([name, { reach }]) => [name, reach]));
  }

  /** Asks all shards over and over, until told to stop. */
  async run(
    shards: () => Readonly<Record<string, { readonly address: string; readonly port: number }>>,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      const now = shards();
      for (const name of this.records.keys()) if (!(name in now)) this.records.delete(name);
      // None waits for another: one that hangs must not make the others' evidence old.
      for (const [name, at] of Object.entries(now))
        void askHealth(this.node, at).then(
          (isWell) => this.note(name, isWell),
          () => this.note(name, false),
        );
      await sleep(this.times.intervalSeconds * 1000, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Takes a check's result. */
  note(name: string, isWell: boolean, now = performance.now()): void {
    const record = this.records.get(name) ?? {
      reach: "unknown",
      isJudged: false,
      since: now,
      isWell: undefined,
    };
    if (record.isWell !== isWell) {
      record.isWell = isWell;
      record.since = now;
    }
    const seconds = (now - record.since) / 1000;
    const { downAfterSeconds, upAfterSeconds } = this.times;
    if (isWell && (!record.isJudged || seconds >= upAfterSeconds)) record.reach = "up";
    // It answers: no node may say any more that nobody reaches it, though whether it lasts is not known yet.
    else if (isWell && record.reach === "down") record.reach = "unknown";
    if (!isWell && seconds >= downAfterSeconds) record.reach = "down";
    record.isJudged ||= record.reach !== "unknown";
    this.records.set(name, record);
  }
}

function askHealth(node: string, { address, port }: { address: string; port: number }): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_LIMIT_SECONDS * 1000);
    const headers = { "User-Agent": `jitsi-fleet-keeper/${node}` };
    get({ host: address, port, path: "/_health", agent: false, headers, signal }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 200));
      response.on("error", reject);
    }).on("error", reject);
  });
}
