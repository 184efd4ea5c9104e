import { setTimeout as sleep } from "node:timers/promises";
import type { Edge, EdgeAnswer } from "./edge";
import type { Ledger } from "./ledger";
import type { Place, RecordingStarted, Wish } from "./shard";
import type { PlannedConference, PlannedUser } from "./traffic";

const MEDIA_SECONDS = 1;
/** The client asks for its shard every so many looks at its media. */
const KEEP_ALIVE_LOOKS = 3;

const nowSeconds = (): number => performance.now() / 1000;

/** Plays a plan through HAProxy, and tells the ledger what each user saw. */
export class Users {
  constructor(
    private readonly edge: Edge,
    private readonly ledger: Ledger,
    /** Everybody leaves. */
    private readonly closing: AbortSignal,
  ) {}

  /** Resolves when all have left. */
  async play(conferences: readonly PlannedConference[]): Promise<void> {
    const began = nowSeconds();
    await Promise.all(
      conferences.flatMap(({ recordsAtSeconds, room, users }) =>
        users.map((user, index) =>
          this.#attend(room, user, index === 0 ? recordsAtSeconds : undefined, began),
        ),
      ),
    );
  }

  async #attend(
    room: string,
    { joinsAtSeconds, leavesAtSeconds, user }: PlannedUser,
    recordsAtSeconds: number | undefined,
    began: number,
  ): Promise<void> {
    await this.#until(began + joinsAtSeconds);
    if (this.#isClosing()) return;
    const wish = (action: Wish["action"]): Promise<EdgeAnswer | undefined> =>
      this.#ask(`/http-bind?room=${encodeURIComponent(room)}`, { action, user } satisfies Wish);
    await this.#ask(`/${room}`);
    await this.#ask(`/config.js?room=${encodeURIComponent(room)}`);
    const joined = await wish("join");
    if (joined?.status !== 200) {
      this.ledger.refused();
      return;
    }
    let place = JSON.parse(joined.body) as Place;
    this.ledger.joined(user, room, joined.shard, place.bridge, nowSeconds());

    let recordsAt = recordsAtSeconds === undefined ? Infinity : began + recordsAtSeconds;
    for (let look = 1; nowSeconds() < began + leavesAtSeconds && !this.#isClosing(); look += 1) {
      if (await hasMedia(place, room, user)) this.ledger.media(user, place.bridge, nowSeconds());
      else {
        // Its shard may have another bridge for it.
        const where = await wish("where");
        if (where?.status === 200) place = JSON.parse(where.body) as Place;
      }
      if (look % KEEP_ALIVE_LOOKS === 0) {
        const kept = await this.#ask(`/_unlock?room=${encodeURIComponent(room)}`);
        if (kept?.status === 200) this.ledger.isOn(user, kept.shard);
      }
      if (nowSeconds() >= recordsAt) {
        recordsAt = Infinity;
        const answer = await wish("record");
        if (answer?.status === 200) {
          const { jibri, session } = JSON.parse(answer.body) as RecordingStarted;
          this.ledger.recordingStarted(session, room, jibri);
        } else this.ledger.recordingRefused();
      }
      await this.#until(Math.min(nowSeconds() + MEDIA_SECONDS, began + leavesAtSeconds));
    }
    this.ledger.left(user, nowSeconds());
    await wish("leave");
  }

  #isClosing(): boolean {
    return this.closing.aborted;
  }

  async #until(atSeconds: number): Promise<void> {
    const milliseconds = Math.max(0, (atSeconds - nowSeconds()) * 1000);
    await sleep(milliseconds, undefined, { signal: this.closing }).catch(() => undefined);
  }

  /** No answer is what a user sees of a failure: the figures tell. */
  #ask(path: string, body?: Wish): Promise<EdgeAnswer | undefined> {
    return this.edge.ask(path, body).catch(() => undefined);
  }
}

async function hasMedia({ url }: Place, room: string, user: string): Promise<boolean> {
  const query = new URLSearchParams({ room, user }).toString();
  const signal = AbortSignal.timeout(2000);
  return fetch(`${url}/lab/media?${query}`, { signal }).then(
    ({ ok }) => ok,
    () => false,
  );
}
