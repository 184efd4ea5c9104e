import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { UploaderConfiguration } from "../configuration";
import { backOffSeconds } from "../backOff";
import { beat } from "../heartbeat";
import type { Spool, SpoolItem } from "../hostApi";
import type { LiveInstances } from "./live";
import { CostlyFault, type Rclone } from "./rclone";
import { StoreGate } from "./retry";
import {
  StorageFault,
  type SessionContent,
  type SessionDirectory,
  type Storage,
  type Volume,
} from "./storage";
import { Known, uploadSession } from "./upload";

const TICK_SECONDS = 0.5;
/** How much longer it waits after failures that cost much traffic: 6 h at most, where others take 5 min. */
const COSTLY_FACTOR = 72;
const MOST_AT_ONCE = 2;
/** A recording takes a handful. */
const LEAST_INODES = 64;

export interface LoopParts {
  readonly configuration: UploaderConfiguration;
  readonly storage: Storage;
  readonly rclone: Rclone;
  readonly live: LiveInstances;
  readonly log: Logger;
}

/** What was tried with a session. */
interface Trial {
  isUploading: boolean;
  attempts: number;
  error?: string;
  /** Milliseconds of performance.now(). */
  nextAt: number;
  readonly known: Known;
}

interface Seen extends SessionDirectory {
  readonly content: SessionContent;
}

/** Looks at the volume, moves orphans to the spool, and uploads what is there, each until it is in the store. */
export class UploadLoop {
  readonly #counts = { uploaded: 0, uploadedBytes: 0, partial: 0 };
  readonly #trials = new Map<string, Trial>();
  readonly #running = new Set<Promise<void>>();
  readonly #gate: StoreGate;
  /** A failure of the look itself. */
  #fault: string | undefined = "the storage was not looked at yet";
  #seen: readonly Seen[] = [];
  #volume: Volume | undefined;
  /** What cannot be moved to the spool, and is uploaded from where it is. */
  readonly #handedOver = new Set<string>();
  #prepared: Promise<void> | undefined;

  constructor(private readonly parts: LoopParts) {
    this.#gate = new StoreGate(parts.configuration.retry);
  }

  /** Until the signal; what is under way then is left to the next start. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#tick(signal);
        this.#fault = undefined;
      } catch (error) {
        const fault = messageOf(error);
        if (fault !== this.#fault) this.parts.log.error({ error: fault }, "the storage cannot be looked at");
        this.#fault = fault;
      }
      beat();
      await sleep(TICK_SECONDS * 1000, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(this.#running);
  }

  /** What is on the volume. Throws if it could not be looked at. */
  state(): Spool {
    if (this.#fault !== undefined) throw new Error(this.#fault);
    if (!this.#volume) throw new Error("the storage was not looked at yet");
    const { read: readBytes, sent: sentBytes } = this.parts.rclone.traffic;
    const room = roomFor(this.#volume, this.parts.configuration.recordingBytes);
    return {
      items: this.#seen.map((session) => this.#item(session)),
      ...this.#counts,
      sentBytes,
      readBytes,
      volume: { ...this.#volume, room },
    };
  }

  #item({ content, instance, name, path, stage }: Seen): SpoolItem {
    const trial = this.#trials.get(keyOf(path));
    const inSpool = trial?.isUploading ? "uploading" : trial ? "failing" : "waiting";
    return {
      instance: String(instance),
      session: String(name),
      state: stage === "recordings" ? "recording" : inSpool,
      bytes: content.bytes,
      quietSeconds: Math.max(0, Math.round((Date.now() - content.changedAt) / 1000)),
      attempts: trial?.attempts ?? 0,
      partial: stage === "recordings" ? this.parts.live.isDead(String(instance)) : content.isPartial,
      ...(trial?.error === undefined ? {} : { error: trial.error }),
    };
  }

  async #tick(signal: AbortSignal): Promise<void> {
    for (const session of await this.#look("recordings")) await this.#sweep(session);
    const { configuration, live, storage } = this.parts;
    await storage.removeEmptyInstances(
      (instance) => live.isDead(instance),
      Date.now() - configuration.orphanSeconds * 1000,
    );
    const recordings = await this.#look("recordings");
    const isHandedOver = ({ path }: Seen): boolean => this.#handedOver.has(keyOf(path));
    const spooled = [
      ...(await this.#look("spool")),
      ...recordings.filter(isHandedOver).map((session) => ({ ...session, stage: "spool" as const })),
    ].sort((a, b) => a.modifiedAt - b.modifiedAt);
    const attempts = ({ path }: Seen): number => this.#trials.get(keyOf(path))?.attempts ?? 0;
    this.#seen = [...recordings.filter((session) => !isHandedOver(session)), ...spooled];
    this.#volume = await storage.volume();
    const keys = new Set(this.#seen.map(({ path }) => keyOf(path)));
    for (const key of this.#trials.keys()) if (!keys.has(key)) this.#trials.delete(key);
    // What failed less often first: what fails for ever must not take every turn.
    for (const session of spooled.toSorted((a, b) => attempts(a) - attempts(b)))
      if (!signal.aborted && this.#hasTurn() && this.#isDue(session)) this.#start(session, signal);
  }

  async #look(stage: SessionDirectory["stage"]): Promise<Seen[]> {
    const seen: Seen[] = [];
    for (const session of await this.parts.storage.sessions(stage)) {
      const content = await this.parts.storage.content(session);
      if (content) seen.push({ ...session, content });
    }
    return seen;
  }

  /** Takes what a dead Jibri left. A failure is told with the session, and it is tried again. */
  async #sweep(session: Seen): Promise<void> {
    const { configuration, live, storage } = this.parts;
    const instance = String(session.instance);
    const quietSeconds = (Date.now() - session.content.changedAt) / 1000;
    const key = keyOf(session.path);
    if (!live.isDead(instance) || quietSeconds < configuration.orphanSeconds || !this.#isDue(session)) return;
    if (this.#handedOver.has(key)) return;
    const log = this.parts.log.child({ instance, session: String(session.name) });
    try {
      if (session.content.files.length === 0) {
        await storage.remove(session);
        log.info("its Jibri ended and left nothing in it: removed");
      } else {
        const how = await storage.spoolAsPartial(session);
        if (how === "immovable") this.#handedOver.add(key);
        const why = how === "marked" ? "" : "; the volume takes no word of that";
        log.warn(`its Jibri ended: what there is, is uploaded${why}`);
      }
    } catch (error) {
      this.#failed(key, error, log);
    }
  }

  #hasTurn(): boolean {
    return this.#running.size < this.#gate.room(performance.now(), MOST_AT_ONCE);
  }

  #isDue({ path }: SessionDirectory): boolean {
    const trial = this.#trials.get(keyOf(path));
    return !trial || (!trial.isUploading && trial.nextAt <= performance.now());
  }

  #start(session: SessionDirectory, signal: AbortSignal): void {
    const upload = this.#upload(session, signal).finally(() => this.#running.delete(upload));
    this.#running.add(upload);
  }

  async #upload(session: SessionDirectory, signal: AbortSignal): Promise<void> {
    const { configuration, rclone, storage } = this.parts;
    const key = keyOf(session.path);
    const log = this.parts.log.child({ instance: String(session.instance), session: String(session.name) });
    const trial = this.#trialOf(key);
    trial.isUploading = true;
    try {
      await this.#prepare();
      await rclone.forgetStores();
      const tools = { storage, rclone, store: configuration, known: trial.known, log };
      const { bytes, isPartial } = await uploadSession(session, tools);
      this.#gate.succeeded();
      this.#trials.delete(key);
      this.#seen = this.#seen.filter(({ path }) => keyOf(path) !== key);
      this.#counts.uploaded += 1;
      this.#counts.uploadedBytes += bytes;
      if (isPartial) this.#counts.partial += 1;
      log.info({ bytes, partial: isPartial }, "uploaded");
    } catch (error) {
      // Told to end: no fault of the session.
      if (signal.aborted) return;
      if (!(error instanceof StorageFault)) this.#gate.failed(key, performance.now());
      this.#failed(key, error, log);
    }
  }

  #trialOf(key: string): Trial {
    const trial = this.#trials.get(key) ?? {
      attempts: 0,
      nextAt: 0,
      isUploading: false,
      known: new Known(),
    };
    this.#trials.set(key, trial);
    return trial;
  }

  /** Once a life: nothing of an earlier one may still run. */
  #prepare(): Promise<void> {
    const { rclone, storage } = this.parts;
    this.#prepared ??= (async () => {
      await rclone.stopAll();
      await storage.prepareStaging(MOST_AT_ONCE);
    })().catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  #failed(key: string, fault: unknown, log: Logger): void {
    const { retry } = this.parts.configuration;
    const trial = this.#trialOf(key);
    const isCostly = fault instanceof CostlyFault;
    const costly = {
      firstSeconds: retry.longestSeconds,
      longestSeconds: COSTLY_FACTOR * retry.longestSeconds,
    };
    trial.attempts += 1;
    trial.error = messageOf(fault);
    trial.isUploading = false;
    const seconds = backOffSeconds(trial.attempts, isCostly ? costly : retry);
    trial.nextAt = performance.now() + seconds * 1000;
    const { attempts, error } = trial;
    log.error({ error, attempts, isCostly, againInSeconds: Math.round(seconds) }, "failed");
  }
}

/** How many more recordings the volume takes. */
function roomFor({ freeBytes, freeInodes, writable }: Volume, recordingBytes: number): number {
  if (!writable || (freeInodes !== null && freeInodes < LEAST_INODES)) return 0;
  return Math.floor(freeBytes / recordingBytes);
}

const keyOf = (path: Buffer): string => path.toString("latin1");
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
