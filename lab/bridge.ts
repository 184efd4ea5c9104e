/** Stand-in for a bridge (JVB): its REST interface, and participants that its shard allots to it. */
import { setTimeout as sleep } from "node:timers/promises";
import { initialLoad, statistics } from "../test/standins/programs/jvb/statistics";
import { announce, empty, json, serve, settings, tellLab } from "./program";

export interface BridgeSettings {
  readonly name: string;
  /** Its shard's address. */
  readonly shards: readonly string[];
  readonly bootSeconds: number;
  /** Participants that fill it: a stress of 1. */
  readonly capacity: number;
}

/** A conference on this bridge, as its shard told it. `remote`: participants on other bridges, known by relay. */
export interface Allotment {
  readonly endpoints: readonly string[];
  readonly remote: number;
}

/** From its readiness to its first sample of the stress, which is 0 until then. */
const FIRST_SAMPLE_SECONDS = 1;
/** From the last participant of a retiring bridge to its end: 60 s for the real one. */
const LAST_MINUTE_SECONDS = 10;

const { bootSeconds, capacity, name, shards } = settings() as BridgeSettings;
const conferences = new Map<string, Allotment>();
const shutdown = { graceful: false, shuttingDown: false };
let sampled = false;
let drain = false;

const local = (): number =>
  [...conferences.values()].reduce((sum, { endpoints }) => sum + endpoints.length, 0);

function stats(): unknown {
  const octoEndpoints = [...conferences.values()].reduce((sum, { remote }) => sum + remote, 0);
  const stress = sampled ? Math.max(0.02, local() / capacity) : 0;
  const load = {
    ...initialLoad,
    participants: local(),
    conferences: conferences.size,
    octoEndpoints,
    octoConferences: [...conferences.values()].filter(({ remote }) => remote > 0).length,
  };
  return statistics(
    load,
    { participants: local(), octoEndpoints, stress },
    { conferencesCreated: 0, conferencesCompleted: 0, participants: 0 },
    { clientsConfigured: 1, clientsConnected: 1, mucsConfigured: 1, mucsJoined: 1 },
    shutdown,
    drain,
    { relayId: name, region: undefined, version: "lab" },
  );
}

function endOnceEmpty(): void {
  if (!shutdown.graceful || shutdown.shuttingDown || local() > 0) return;
  shutdown.shuttingDown = true;
  setTimeout(() => process.exit(), LAST_MINUTE_SECONDS * 1000);
}

async function main(): Promise<void> {
  await sleep(bootSeconds * 1000);
  const port = await serve({
    "GET /colibri/stats": () => json(stats()),
    "GET /about/health": () => empty(200),
    "GET /colibri/drain": () => json({ drain }),
    "POST /colibri/drain/enable": async () => {
      drain = true;
      await tell();
      return empty(200);
    },
    "POST /colibri/drain/disable": async () => {
      drain = false;
      await tell();
      return empty(200);
    },
    "POST /colibri/shutdown": async ({ body }) => {
      const wish = (JSON.parse(body) as Record<string, unknown>)["graceful-shutdown"];
      if (String(wish) !== "true") return { status: 400, body: "the lab knows graceful-shutdown: true" };
      shutdown.graceful = true;
      endOnceEmpty();
      await tell();
      return empty(200);
    },
    "POST /lab/conference": ({ query, body }) => {
      const room = query.get("room") ?? "";
      const allotment = JSON.parse(body) as Allotment;
      if (shutdown.graceful && !conferences.has(room)) return empty(409);
      if (allotment.endpoints.length > 0) conferences.set(room, allotment);
      else conferences.delete(room);
      const carried = [...conferences].map(([of, { endpoints }]) => [of, endpoints.length] as const);
      tellLab({ kind: "carrying", rooms: Object.fromEntries(carried) });
      endOnceEmpty();
      return empty(204);
    },
    "GET /lab/media": ({ query }) => {
      const allotment = conferences.get(query.get("room") ?? "");
      return empty(allotment?.endpoints.includes(query.get("user") ?? "") ? 204 : 410);
    },
  });
  const url = `http://127.0.0.1:${port}`;
  const tell = announce(shards, () => ({
    kind: "bridge",
    name,
    url,
    draining: drain,
    retiring: shutdown.graceful,
  }));
  process.on("SIGTERM", () => {
    const leave = shards.map((shard) =>
      fetch(`${shard}/lab/brewery`, { method: "POST", body: JSON.stringify({ kind: "gone", name }) }),
    );
    void Promise.allSettled(leave).then(() => process.exit());
  });
  tellLab({ kind: "listening", ports: [port] });
  await tell();
  await sleep(FIRST_SAMPLE_SECONDS * 1000);
  sampled = true;
}

void main();
