/** Stand-in for a Jibri: both HTTP interfaces, and recordings of nothing that grow in a file. */
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { announce, empty, json, serve, settings, tellLab } from "./program";

export interface JibriSettings {
  readonly name: string;
  readonly shards: readonly string[];
  readonly bootSeconds: number;
  /** recordings/<instance>/<session> while it grows, spool/<instance>/<session> once it is whole. */
  readonly storage: string;
}

const WRITE_SECONDS = 0.5;
const FINALIZE_SECONDS = 1;
const EXIT_SECONDS = 1;
/** As the real one ends after a graceful shutdown. */
const EXIT_CODE = 255;

const { bootSeconds, name, shards, storage } = settings() as JibriSettings;
let fenced = false;
let exiting = false;
let recording: { readonly room: string; stop(): Promise<void> } | undefined;

/** A file that grows, and goes to the spool when it is stopped. */
function record(session: string, room: string): { room: string; stop(): Promise<void> } {
  const directory = join(storage, "recordings", name, session);
  const spooled = join(storage, "spool", name, session);
  const hash = createHash("sha256");
  let minute = 0;
  const write = (): void => {
    const text = `${room} ${session} ${minute++}\n`.repeat(200);
    hash.update(text);
    appendFileSync(join(directory, "recording.mp4"), text);
  };
  mkdirSync(directory, { recursive: true });
  write();
  const timer = setInterval(write, WRITE_SECONDS * 1000);
  const finalize = async (): Promise<void> => {
    clearInterval(timer);
    await sleep(FINALIZE_SECONDS * 1000);
    writeFileSync(join(directory, "metadata.json"), JSON.stringify({ meeting_url: `https://lab/${room}` }));
    tellLab({ kind: "recorded", session, sha256: hash.digest("hex") });
    mkdirSync(dirname(spooled), { recursive: true });
    renameSync(directory, spooled);
  };
  let finalized: Promise<void> | undefined;
  return { room, stop: () => (finalized ??= finalize()) };
}

function exitOnceIdle(): void {
  if (!fenced || recording || exiting) return;
  exiting = true;
  setTimeout(() => process.exit(EXIT_CODE), EXIT_SECONDS * 1000);
}

async function main(): Promise<void> {
  await sleep(bootSeconds * 1000);
  const external = await serve({
    "GET /jibri/api/v1.0/health": () =>
      json({
        status: {
          busyStatus: recording ? "BUSY" : "IDLE",
          health: { healthStatus: "HEALTHY", details: {} },
        },
      }),
    "POST /jibri/api/v1.0/startService": async ({ body }) => {
      // As the real one: what is on its way out lets a start wait until it is gone.
      if (exiting) return new Promise(() => undefined);
      if (recording) return { status: 412, body: "Jibri is currently busy" };
      const { sessionId, callParams } = JSON.parse(body) as {
        sessionId: string;
        callParams: { callUrlInfo: { callName: string } };
      };
      recording = record(sessionId, callParams.callUrlInfo.callName);
      tellLab({ kind: "carrying", rooms: { [recording.room]: 1 } });
      await tell();
      return empty(200);
    },
    "POST /jibri/api/v1.0/stopService": async () => {
      await recording?.stop();
      if (recording) tellLab({ kind: "carrying", rooms: {} });
      recording = undefined;
      exitOnceIdle();
      await tell();
      return empty(200);
    },
  });
  const internal = await serve({
    "POST /jibri/api/internal/v1.0/gracefulShutdown": () => {
      fenced = true;
      exitOnceIdle();
      return empty(200);
    },
  });
  const url = `http://127.0.0.1:${external}`;
  const tell = announce(shards, () => ({ kind: "jibri", name, url, idle: !recording && !exiting }));
  tellLab({ kind: "listening", ports: [external, internal] });
  await tell();
}

void main();
