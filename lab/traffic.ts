/** What the users of one simulated day do: a plan, of numbers alone. */

export interface PlannedUser {
  readonly user: string;
  readonly joinsAtSeconds: number;
  readonly leavesAtSeconds: number;
}

export interface PlannedConference {
  readonly room: string;
  readonly users: readonly PlannedUser[];
  /** When its first user asks for a recording, which lasts to the conference's end. */
  readonly recordsAtSeconds?: number;
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A day in shares of its length: meetings from the morning on, two bells with a lesson each, a flash (one large
 * conference, which no bridge holds alone), a lull in which only long meetings and calls go on, a short afternoon,
 * and a night with a few late calls. About 90 users at once at most.
 */
export function plan(seed: number, day: number, daySeconds: number): PlannedConference[] {
  const next = random(seed * 1000 + day);
  const between = (low: number, high: number): number => low + next() * (high - low);
  const conferences: PlannedConference[] = [];
  let user = 0;
  const meet = (
    kind: string,
    people: number,
    begins: number,
    ends: number,
    /** Within which users come and go, each in seconds. */
    spread: number,
    records?: number,
  ): void => {
    const room = `${kind}${conferences.length + 1}-day${day + 1}`;
    const users = Array.from({ length: people }, () => {
      const joinsAtSeconds = begins * daySeconds + between(0, spread);
      const leavesAtSeconds = Math.max(joinsAtSeconds + 1, ends * daySeconds - between(0, spread));
      return { user: `u${day + 1}-${++user}`, joinsAtSeconds, leavesAtSeconds };
    }).sort((a, b) => a.joinsAtSeconds - b.joinsAtSeconds);
    const recordsAtSeconds = Math.max(users[0]?.joinsAtSeconds ?? 0, (records ?? 0) * daySeconds) + 1;
    conferences.push({ room, users, ...(records === undefined ? {} : { recordsAtSeconds }) });
  };

  // Morning: the first four go on until the evening.
  for (let index = 0; index < 8; index += 1)
    meet(
      "meeting",
      Math.round(between(2, 4)),
      between(0, 0.12),
      index < 4 ? between(0.68, 0.74) : between(0.2, 0.4),
      2,
      index < 2 ? 0.05 + index * 0.05 : undefined,
    );
  // Bells: all come within two seconds.
  for (const [bell, begins] of [0.15, 0.29].entries())
    for (let room = 0; room < 6; room += 1)
      meet(
        "lesson",
        6,
        begins,
        begins + 0.13,
        2,
        room < 2 ? begins + 0.01 + room * 0.05 + bell * 0.01 : undefined,
      );
  meet("lecture", 26, 0.36, 0.47, 3);
  // Calls that begin while the fleet is large and go on when it is too large: they are on the newest bridges.
  for (let room = 0; room < 10; room += 1)
    meet("call", 2, between(0.2, 0.42), room < 4 ? between(0.85, 0.9) : between(0.66, 0.74), 1);
  // Afternoon, after a lull from 0.47 to 0.56.
  for (let room = 0; room < 3; room += 1) meet("lesson", 6, 0.56, 0.66, 2, room < 1 ? 0.57 : undefined);
  // Night.
  meet("night", 2, 0.7, 0.93, 1);
  return conferences;
}

/** The most users there are at once. */
export function peak(conferences: readonly PlannedConference[]): number {
  const changes = conferences
    .flatMap(({ users }) => users)
    .flatMap(({ joinsAtSeconds, leavesAtSeconds }) => [
      { at: joinsAtSeconds, by: 1 },
      { at: leavesAtSeconds, by: -1 },
    ])
    .sort((a, b) => a.at - b.at || a.by - b.by);
  let users = 0;
  return changes.reduce((most, { by }) => Math.max(most, (users += by)), 0);
}
