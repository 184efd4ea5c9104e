/** Counts what happened to the lab's users and recordings, and judges it. No clock, no network. */

/** A media gap above this is a cut, whatever the reason. */
export const LONGEST_GAP_SECONDS = 5;

export interface Cut {
  readonly instance: string;
  readonly room: string;
  readonly why: string;
}

interface User {
  readonly room: string;
  shard: string;
  bridge: string;
  lastMediaSeconds: number;
}

interface Recording {
  readonly room: string;
  readonly jibri: string;
  /** What the Jibri says it recorded. */
  recorded?: string;
  /** What is in the store. */
  arrived?: string;
}

interface Pool {
  /** When the fleet stood. */
  first: number;
  lowest: number;
  highest: number;
  launched: number;
  removed: number;
  now: number;
}

type PoolFigures = Omit<Pool, "now">;

export interface Verdict {
  readonly ok: boolean;
  readonly users: { readonly joined: number; readonly refused: number; readonly peak: number };
  readonly cuts: readonly Cut[];
  readonly splitRooms: readonly string[];
  readonly recordings: {
    readonly started: number;
    readonly refused: number;
    readonly arrived: number;
    /** Sessions that ended and are not in the store, whole. */
    readonly lost: readonly string[];
  };
  readonly bridges: PoolFigures;
  readonly jibris: PoolFigures;
  /** What else is wrong, in words. */
  readonly faults: readonly string[];
}

/** What a run must have shown: that nothing was harmed; users as well; and both pools grown and shrunk as well. */
export type Asked = "no harm" | "users" | "scaling";

export type Role = "bridge" | "jibri";

export class Ledger {
  readonly cuts: Cut[] = [];
  readonly #users = new Map<string, User>();
  readonly #splitRooms = new Set<string>();
  readonly #recordings = new Map<string, Recording>();
  readonly #pools: Record<Role, Pool> = {
    bridge: { first: 0, lowest: 0, highest: 0, launched: 0, removed: 0, now: 0 },
    jibri: { first: 0, lowest: 0, highest: 0, launched: 0, removed: 0, now: 0 },
  };
  #joined = 0;
  #refused = 0;
  #peak = 0;
  #recordingsRefused = 0;

  joined(user: string, room: string, shard: string, bridge: string, nowSeconds: number): void {
    this.#joined += 1;
    this.#users.set(user, { room, shard, bridge, lastMediaSeconds: nowSeconds });
    this.#peak = Math.max(this.#peak, this.#users.size);
    this.isOn(user, shard);
  }

  refused(): void {
    this.#refused += 1;
  }

  /** Its shard answered a user: all of a room must be on the same. */
  isOn(user: string, shard: string): void {
    const seen = this.#users.get(user);
    if (!seen) return;
    seen.shard = shard;
    const others = [...this.#users.values()].filter(({ room }) => room === seen.room);
    if (others.some((other) => other.shard !== shard)) this.#splitRooms.add(seen.room);
  }

  /** Media flows: whatever was missing before is over, and was a cut if it was long. */
  media(user: string, bridge: string, nowSeconds: number): void {
    const seen = this.#users.get(user);
    if (!seen) return;
    this.#judgeGap(user, seen, nowSeconds);
    seen.bridge = bridge;
    seen.lastMediaSeconds = nowSeconds;
  }

  left(user: string, nowSeconds: number): void {
    const seen = this.#users.get(user);
    if (!seen) return;
    this.#judgeGap(user, seen, nowSeconds);
    this.#users.delete(user);
  }

  #judgeGap(user: string, { bridge, lastMediaSeconds, room }: User, nowSeconds: number): void {
    const gap = nowSeconds - lastMediaSeconds;
    if (gap > LONGEST_GAP_SECONDS)
      this.cuts.push({ instance: bridge, room, why: `${user} had no media for ${gap.toFixed(1)} s` });
  }

  recordingStarted(session: string, room: string, jibri: string): void {
    this.#recordings.set(session, { room, jibri });
  }

  recordingRefused(): void {
    this.#recordingsRefused += 1;
  }

  /** By its Jibri's account it was finalized, and is to arrive like this. */
  recorded(session: string, sha256: string): void {
    const recording = this.#recordings.get(session);
    if (recording) recording.recorded = sha256;
  }

  arrived(session: string, sha256: string): void {
    const recording = this.#recordings.get(session);
    if (recording) recording.arrived = sha256;
  }

  /** Recordings that are not safe yet. */
  get underway(): number {
    return [...this.#recordings.values()].filter(({ arrived }) => arrived === undefined).length;
  }

  launched(role: Role): void {
    const pool = this.#pools[role];
    pool.launched += 1;
    pool.now += 1;
    pool.highest = Math.max(pool.highest, pool.now);
  }

  /** The fleet stands as it is at rest: growth is more than this, and from here on the lowest number counts. */
  stands(): void {
    for (const pool of Object.values(this.#pools)) pool.first = pool.lowest = pool.now;
  }

  /** A process ended. Whoever was on it, was cut. `why`: who ended it, and how. */
  ended(role: Role, instance: string, carried: Readonly<Record<string, number>>, why: string): void {
    const pool = this.#pools[role];
    pool.now -= 1;
    pool.removed += 1;
    pool.lowest = Math.min(pool.lowest, pool.now);
    for (const [room, count] of Object.entries(carried)) {
      const what = role === "bridge" ? `${count} participant${count === 1 ? "" : "s"} on it` : "recording";
      this.cuts.push({ instance, room, why: `${why}, ${what}` });
    }
  }

  verdict(asked: Asked): Verdict {
    const recordings = [...this.#recordings];
    const lost = recordings
      .filter(([, { arrived, recorded }]) => recorded === undefined || recorded !== arrived)
      .map(([session, { arrived, jibri }]) =>
        arrived === undefined
          ? `${session} of ${jibri}: not in the store`
          : `${session} of ${jibri}: not whole`,
      );
    const unmoved = (role: Role): string[] => {
      const { first, highest, now } = this.#pools[role];
      return [
        ...(highest > first ? [] : [`no ${role} was added to the ${first} of the beginning`]),
        ...(now < highest ? [] : [`no ${role} was taken away from the ${highest}`]),
      ];
    };
    const faults = [
      ...(asked !== "no harm" && this.#joined === 0 ? ["nobody joined"] : []),
      ...(asked === "scaling" ? [...unmoved("bridge"), ...unmoved("jibri")] : []),
    ];
    const figures = ({ first, highest, launched, lowest, removed }: Pool): PoolFigures => ({
      first,
      lowest,
      highest,
      launched,
      removed,
    });
    return {
      ok: this.cuts.length + this.#splitRooms.size + lost.length + faults.length === 0,
      users: { joined: this.#joined, refused: this.#refused, peak: this.#peak },
      cuts: [...this.cuts],
      splitRooms: [...this.#splitRooms],
      recordings: {
        started: recordings.length,
        refused: this.#recordingsRefused,
        arrived: recordings.filter(
          ([, { arrived, recorded }]) => arrived !== undefined && arrived === recorded,
        ).length,
        lost,
      },
      bridges: figures(this.#pools.bridge),
      jibris: figures(this.#pools.jibri),
      faults,
    };
  }
}
