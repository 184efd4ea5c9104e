/** Stand-in for a shard: what users reach through HAProxy (web, signalling), and what Jicofo does with bridges. */
import type { Allotment } from "./bridge";
import { empty, json, OVERLOAD, post, PRESENCE_SECONDS, serve, settings, tellLab } from "./program";
import type { Answered, Asked, Presence } from "./program";

export interface ShardSettings {
  readonly name: string;
  /** Participants that fill a bridge. */
  readonly capacity: number;
}

/** What a user asks its shard, in the body of POST /http-bind?room=. */
export interface Wish {
  readonly action: "join" | "where" | "leave" | "record";
  readonly user: string;
}
/** The answer to `join` and `where`. */
export interface Place {
  readonly bridge: string;
  readonly url: string;
}
/** The answer to `record`. */
export interface RecordingStarted {
  readonly session: string;
  readonly jibri: string;
}

interface Conference {
  readonly room: string;
  /** Each user's bridge; none while another is sought. */
  readonly users: Map<string, string | undefined>;
  /** The Jibri that records it, by its address. */
  recorder?: string;
  /** Changes of one conference happen one after another: the last of them, and how many are not done. */
  last: Promise<unknown>;
  waiting: number;
}

type BridgePresence = Extract<Presence, { kind: "bridge" }>;
type JibriPresence = Extract<Presence, { kind: "jibri" }>;

const LOST_SECONDS = 6 * PRESENCE_SECONDS;

const { capacity, name } = settings() as ShardSettings;
const bridges = new Map<string, BridgePresence>();
const jibris = new Map<string, JibriPresence>();
const heard = new Map<string, number>();
const conferences = new Map<string, Conference>();
let recordings = 0;

const usersOn = (bridge: string, { users }: Conference): string[] =>
  [...users].flatMap(([user, at]) => (at === bridge ? [user] : []));
const load = (bridge: string): number =>
  [...conferences.values()].reduce((sum, conference) => sum + usersOn(bridge, conference).length, 0);
const bridgesOf = ({ users }: Conference): string[] =>
  [...new Set(users.values())].filter((bridge) => bridge !== undefined);

/** Bridges for the next participant of a conference, best first. That a bridge drains is only a preference. */
function candidates(conference: Conference): BridgePresence[] {
  const own = bridgesOf(conference);
  const rank = ({ draining, name: bridge, retiring }: BridgePresence): number => {
    const isOwn = own.includes(bridge);
    if (load(bridge) < OVERLOAD * capacity) {
      if (isOwn) return 0;
      if (!draining && !retiring) return 1;
    }
    return retiring && !isOwn ? 4 : draining ? 3 : 2;
  };
  return [...bridges.values()]
    .map((bridge) => ({ bridge, rank: rank(bridge), load: load(bridge.name) }))
    .filter(({ rank: at }) => at < 4)
    .sort((a, b) => a.rank - b.rank || a.load - b.load)
    .map(({ bridge }) => bridge);
}

/** Tells a bridge who of a conference is on it. False: it does not take it. */
async function allot(bridge: string, conference: Conference): Promise<boolean> {
  const url = bridges.get(bridge)?.url;
  if (url === undefined) return false;
  const endpoints = usersOn(bridge, conference);
  const allotment: Allotment = { endpoints, remote: conference.users.size - endpoints.length };
  try {
    const room = encodeURIComponent(conference.room);
    return (await post(`${url}/lab/conference?room=${room}`, allotment)).ok;
  } catch {
    return false;
  }
}

async function invite(conference: Conference, user: string): Promise<Place | undefined> {
  for (const { name: bridge, url } of candidates(conference)) {
    conference.users.set(user, bridge);
    if (await allot(bridge, conference)) {
      const others = bridgesOf(conference).filter((other) => other !== bridge);
      await Promise.all(others.map((other) => allot(other, conference)));
      return { bridge, url };
    }
    conference.users.set(user, undefined);
  }
  return undefined;
}

/** A bridge is gone: its participants are sent to others. */
function lose(bridge: string): void {
  bridges.delete(bridge);
  for (const conference of conferences.values())
    void inTurn(conference, async () => {
      const moved = usersOn(bridge, conference);
      for (const user of moved) conference.users.set(user, undefined);
      for (const user of moved) await invite(conference, user);
    });
}

function inTurn<T>(conference: Conference, change: () => Promise<T>): Promise<T> {
  conference.waiting += 1;
  const done = conference.last.then(change).finally(() => {
    conference.waiting -= 1;
    if (conference.users.size === 0 && conference.waiting === 0) conferences.delete(conference.room);
  });
  conference.last = done.catch((error: unknown) => console.error(conference.room, error));
  return done;
}

/** Asks idle Jibris, one after another: another shard may have been first. */
async function startRecording(conference: Conference): Promise<Answered> {
  for (const jibri of [...jibris.values()].filter(({ idle }) => idle)) {
    const session = `${name}-${++recordings}-${conference.room}`;
    const wish = {
      sessionId: session,
      sinkType: "file",
      callParams: { callUrlInfo: { baseUrl: "https://lab", callName: conference.room } },
      callLoginParams: {},
    };
    const started = await post(`${jibri.url}/jibri/api/v1.0/startService`, wish).catch(() => undefined);
    if (!started?.ok) continue;
    conference.recorder = jibri.url;
    return json({ session, jibri: jibri.name } satisfies RecordingStarted);
  }
  return { status: 503, body: "no Jibri is free" };
}

async function leave(conference: Conference, user: string): Promise<Answered> {
  const bridge = conference.users.get(user);
  conference.users.delete(user);
  const rest = bridgesOf(conference);
  await Promise.all(
    [...new Set([...(bridge === undefined ? [] : [bridge]), ...rest])].map((of) => allot(of, conference)),
  );
  if (conference.users.size === 0) {
    const { recorder } = conference;
    delete conference.recorder;
    if (recorder !== undefined)
      post(`${recorder}/jibri/api/v1.0/stopService`, {}, 10).catch((error: unknown) => console.error(error));
  }
  return empty(200);
}

async function obey({ action, user }: Wish, conference: Conference): Promise<Answered> {
  switch (action) {
    case "join": {
      const place = await invite(conference, user);
      if (place) return json(place);
      conference.users.delete(user);
      return { status: 503, body: "no bridge takes it" };
    }
    case "where": {
      if (!conference.users.has(user)) return empty(404);
      const bridge = bridges.get(conference.users.get(user) ?? "");
      const place = bridge ? { bridge: bridge.name, url: bridge.url } : await invite(conference, user);
      return place ? json(place) : { status: 503, body: "no bridge takes it" };
    }
    case "record":
      return startRecording(conference);
    case "leave":
      return leave(conference, user);
  }
}

async function signalling({ query, body }: Asked): Promise<Answered> {
  const room = query.get("room");
  if (room === null) return empty(400);
  const conference = conferences.get(room) ?? { room, users: new Map(), last: Promise.resolve(), waiting: 0 };
  conferences.set(room, conference);
  return inTurn(conference, () => obey(JSON.parse(body) as Wish, conference));
}

function presence(told: Presence): void {
  heard.set(told.name, Date.now());
  if (told.kind === "bridge") bridges.set(told.name, told);
  else if (told.kind === "jibri") jibris.set(told.name, told);
  else lose(told.name);
}

function forgetTheSilent(): void {
  for (const [member, at] of heard) {
    if (Date.now() - at < LOST_SECONDS * 1000) continue;
    heard.delete(member);
    jibris.delete(member);
    if (bridges.has(member)) lose(member);
  }
}

function page({ path }: Asked): Answered {
  const room = decodeURIComponent(path.slice(path.lastIndexOf("/") + 1)).toLowerCase();
  const conference = conferences.get(room);
  const who = conference ? [...conference.users].map(([user, bridge]) => `${user} on ${bridge ?? "-"}`) : [];
  const safe = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return {
    status: 200,
    headers: { "content-type": "text/html; charset=utf-8" },
    body: `<!doctype html><title>${safe(room)}</title><h1>${safe(room)} is on shard ${name}</h1><p>${safe(who.join(", ") || "nobody is in it")}</p>`,
  };
}

/** As Prosody's mod_muc_census says it. */
const census = (): unknown => ({
  room_census: [...conferences.values()].map(({ room, users }) => ({
    room_name: `${room}@muc.meet.jitsi`,
    participants: users.size,
    leaked: false,
  })),
});

/** As Jicofo says it. */
function stats(): unknown {
  const all = [...conferences.values()];
  return {
    conferences: all.length,
    participants: all.reduce((sum, { users }) => sum + users.size, 0),
    jibri: {
      recording_active: all.filter(({ recorder }) => recorder !== undefined).length,
      live_streaming_active: 0,
      sip_call_active: 0,
    },
    bridge_selector: { bridge_count: bridges.size, operational_bridge_count: bridges.size },
    jibri_detector: {
      count: jibris.size,
      available: [...jibris.values()].filter(({ idle }) => idle).length,
    },
    healthy: bridges.size > 0,
  };
}

/** As Jicofo says whom it sees. */
const debug = (): unknown => ({
  bridge_selector: { bridge: Object.fromEntries([...bridges.keys()].map((bridge) => [bridge, {}])) },
  jibri_detector: Object.fromEntries(
    [...jibris.values()].map(({ idle, name: jibri }) => [jibri, { reports_available: idle }]),
  ),
});

/** To users there is none of it. */
const fleetOnly =
  (answer: () => Answered) =>
  ({ forwarded }: Asked): Answered =>
    forwarded ? empty(404) : answer();

async function main(): Promise<void> {
  const named = (answered: Answered): Answered => ({
    ...answered,
    headers: { "x-jitsi-shard": name, ...answered.headers },
  });
  const port = await serve({
    "GET /": (asked) => named(page(asked)),
    "GET /config.js": () => named({ status: 200, body: `config.deploymentInfo = { shard: "${name}" };` }),
    "GET /_unlock": () => named(empty(200)),
    "GET /_health": fleetOnly(() => empty(200)),
    "GET /_rooms": fleetOnly(() => json(census())),
    "GET /_stats": fleetOnly(() => json(stats())),
    "GET /_jibris": fleetOnly(() => json(debug())),
    "POST /http-bind": async (asked) => named(await signalling(asked)),
    "GET /stats": () => json(stats()),
    "POST /lab/brewery": ({ body }) => {
      presence(JSON.parse(body) as Presence);
      return empty(204);
    },
  });
  setInterval(forgetTheSilent, PRESENCE_SECONDS * 1000);
  tellLab({ kind: "listening", ports: [port] });
}

void main();
