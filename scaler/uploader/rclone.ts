import { createHash, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { UploaderConfiguration } from "../configuration";

const FIRST_POLL_MILLISECONDS = 50;
const LONGEST_POLL_MILLISECONDS = 1000;
/** For a job that was told to stop. */
const STOP_SECONDS = 10;
/** rclone keeps figures by groups; of transfers that have ended none is left. */
const GROUP = "uploader/";
/**
 * rclone's own patience would be minutes: the uploader has its own. IgnoreChecksum: it takes an ETag for an MD5, which it
 * is not where a bucket encrypts with KMS; what arrived is read back and compared anyway.
 */
const RCLONE_CONFIGURATION = { LowLevelRetries: 3, IgnoreTimes: true, IgnoreChecksum: true };
/**
 * Canned ACLs to send with, one after another, where a bucket refuses one: as rclone is configured; the one that a bucket
 * without ACLs of its own still takes; none (rclone 1.60 sends the header whatever it is told, but then it is empty).
 */
const ACLS = [undefined, "bucket-owner-full-control", " "] as const;
const ABOUT_ACL = /\bacls?\b|AccessControlList|NotImplemented/i;
/** After so many bytes a transfer that fails is not repeated soon. */
const COSTLY_BYTES = 64 * 1024 * 1024;
/** Errors of S3 that have a status and no words: its answers to HEAD. */
const WORDLESS = /status code: [45]\d\d/;

const job = z.object({ jobid: z.int() });
const groups = z.object({ groups: z.array(z.string()).nullish() });
const jobStatus = z.object({ finished: z.boolean(), success: z.boolean(), error: z.string() });
const stats = z.object({
  bytes: z.number(),
  transfers: z.number(),
  checks: z.number(),
  checking: z.array(z.unknown()).nullish(),
  transferring: z.array(z.unknown()).nullish(),
});
const stat = z.object({ item: z.object({ Size: z.number(), IsDir: z.boolean() }).nullable() });
const failure = z.object({ error: z.string() });

/** A file, as rclone addresses it. */
export interface RemoteFile {
  /** A directory or remote:path. */
  readonly fs: string;
  /** Below that; data, whatever is in it. */
  readonly remote: string;
}

/** What a store has cost. */
export interface Traffic {
  /** Bytes of files that were sent. */
  readonly sent: number;
  /** Bytes that were read back. */
  readonly read: number;
}

/** Much was sent or read in vain: it is not repeated soon. */
export class CostlyFault extends Error {}

/** rclone's remote control. Whatever does not answer or does not move for stallSeconds is an error. */
export class Rclone {
  #acl = 0;
  #traffic: Traffic = { sent: 0, read: 0 };

  constructor(
    private readonly access: UploaderConfiguration["rclone"],
    private readonly stallSeconds: number,
    private readonly signal: AbortSignal,
  ) {}

  get traffic(): Traffic {
    return this.#traffic;
  }

  /** Sends a file, even if the same seems to be there. */
  async copy(from: RemoteFile, to: RemoteFile): Promise<void> {
    for (;;)
      try {
        const sent = await this.#run("operations/copyfile", pair(from, this.#withAcl(to)));
        this.#traffic = { ...this.#traffic, sent: this.#traffic.sent + sent };
        return;
      } catch (error) {
        const isRefused = error instanceof Error && ABOUT_ACL.test(error.message);
        if (!isRefused || this.#acl === ACLS.length - 1) throw error;
        this.#acl += 1;
      }
  }

  /** Moves a file within a directory. */
  async move(from: RemoteFile, to: RemoteFile): Promise<void> {
    await this.#run("operations/movefile", pair(from, to));
  }

  /** Of a remote; a directory is as it is. */
  #withAcl(file: RemoteFile): RemoteFile {
    const acl = ACLS[this.#acl];
    return acl === undefined ? file : { ...file, fs: file.fs.replace(/^(\w+):/, `$1,acl="${acl}":`) };
  }

  /** Bytes; undefined if there is no such file. */
  async size({ fs, remote }: RemoteFile): Promise<number | undefined> {
    const opt = { filesOnly: true, noModTime: true, noMimeType: true };
    try {
      const { item } = await this.#ask("operations/stat", stat, { fs, remote, opt });
      return item && !item.IsDir ? item.Size : undefined;
    } catch (error) {
      throw await this.#worded(error, { fs, remote });
    }
  }

  /** An error with the store's own words, which it has for a listing: here of what is not there. */
  async #worded(error: unknown, { fs, remote }: RemoteFile): Promise<unknown> {
    if (!(error instanceof Error) || !WORDLESS.test(error.message)) return error;
    const directory = `${remote}.none`;
    try {
      await this.#ask("operations/list", z.unknown(), { fs, remote: directory });
      return error;
    } catch (told) {
      return told instanceof Error && !told.message.includes("directory not found") ? told : error;
    }
  }

  /** The SHA-256 of what the store gives when the file is read from it. */
  async sha256({ fs, remote }: RemoteFile): Promise<string> {
    const path = [`[${fs}]`, ...remote.split("/")].map(encodeURIComponent).join("/");
    const stalled = new AbortController();
    const timer = setTimeout(
      () => stalled.abort(new Error(`reading back brought nothing for ${this.stallSeconds} s`)),
      this.stallSeconds * 1000,
    );
    try {
      const response = await fetch(new URL(`/${path}`, this.access.url), {
        headers: { Authorization: this.#authorization, "Accept-Encoding": "identity" },
        signal: AbortSignal.any([this.signal, stalled.signal]),
      });
      if (!response.ok || !response.body)
        throw new Error(`reading ${remote} back: ${response.status} ${errorIn(await response.text())}`);
      const hash = createHash("sha256");
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        timer.refresh();
        this.#traffic = { ...this.#traffic, read: this.#traffic.read + chunk.length };
        hash.update(chunk);
      }
      return hash.digest("hex");
    } catch (error) {
      throw this.#inWords(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async remove({ fs, remote }: RemoteFile): Promise<void> {
    await this.#ask("operations/deletefile", z.unknown(), { fs, remote });
  }

  /** rclone keeps what it made of a store, even one that did not answer: it begins anew. */
  async forgetStores(): Promise<void> {
    await this.#ask("fscache/clear", z.unknown(), {});
  }

  /** Stops what an uploader that was killed had begun. */
  async stopAll(): Promise<void> {
    // Not by rclone's list of jobs: every question of the last minute is one, those after jobs among them.
    for (const group of (await this.#ask("core/group-list", groups, {})).groups ?? [])
      if (group.startsWith(GROUP)) await this.#stop(group);
  }

  /** Runs what may last hours: a job, asked after. @returns the bytes that it moved */
  async #run(command: string, parameters: object): Promise<number> {
    const group = `${GROUP}${randomUUID()}`;
    const { jobid } = await this.#ask(command, job, { ...parameters, _async: true, _group: group });
    let seen = "";
    let movedBytes = 0;
    let seenAt = performance.now();
    for (let wait = FIRST_POLL_MILLISECONDS; ; wait = Math.min(2 * wait, LONGEST_POLL_MILLISECONDS)) {
      await sleep(wait, undefined, { signal: this.signal });
      const { error, finished, success } = await this.#ask("job/status", jobStatus, { jobid });
      const { bytes, checks, transfers } = await this.#ask("core/stats", stats, { group });
      movedBytes = bytes;
      if (finished) {
        await this.#forget(group);
        if (success) return movedBytes;
        const said = withoutSignatures(error);
        throw movedBytes >= COSTLY_BYTES ? new CostlyFault(said) : new Error(said);
      }
      const moved = `${bytes} ${checks} ${transfers}`;
      if (moved !== seen) seenAt = performance.now();
      seen = moved;
      if (performance.now() - seenAt > this.stallSeconds * 1000) {
        await this.#stop(group);
        throw new Error(`the store took nothing for ${this.stallSeconds} s, ${this.#orAsksToWait}`);
      }
    }
  }

  /** Stops a transfer and sees it stopped: it must not write beside the next attempt. */
  async #stop(group: string): Promise<void> {
    const limit = performance.now() + STOP_SECONDS * 1000;
    await this.#ask("job/stopgroup", z.unknown(), { group });
    for (;;) {
      const { checking, transferring } = await this.#ask("core/stats", stats, { group });
      if (!checking?.length && !transferring?.length) break;
      if (performance.now() > limit) throw new Error("a transfer that was stopped does not end");
      await sleep(FIRST_POLL_MILLISECONDS, undefined, { signal: this.signal });
    }
    await this.#forget(group);
  }

  /** Its figures, which rclone would keep. */
  async #forget(group: string): Promise<void> {
    await this.#ask("core/stats-delete", z.unknown(), { group });
  }

  async #ask<Answer>(command: string, schema: z.ZodType<Answer>, parameters: object): Promise<Answer> {
    try {
      const response = await fetch(new URL(`/${command}`, this.access.url), {
        method: "POST",
        headers: { Authorization: this.#authorization, "Content-Type": "application/json" },
        body: JSON.stringify({ ...parameters, _config: RCLONE_CONFIGURATION }),
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(this.stallSeconds * 1000)]),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(errorIn(text) || `rclone answered ${response.status}`);
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw this.#inWords(error);
    }
  }

  /** fetch says "fetch failed", and the reason in the cause. */
  #inWords(error: unknown): Error {
    if (!(error instanceof Error)) return new Error(String(error));
    if (error.name === "TimeoutError")
      return new Error(`rclone or the store does not answer, ${this.#orAsksToWait}`);
    return error.cause instanceof Error ? new Error(`rclone: ${error.cause.message}`) : error;
  }

  /** rclone waits as it is asked to, and says nothing: from here that looks as if there were no answer. */
  get #orAsksToWait(): string {
    return `or asks for a wait of more than ${this.stallSeconds} s (Retry-After)`;
  }

  get #authorization(): string {
    return `Basic ${Buffer.from(`${this.access.user}:${this.access.password}`).toString("base64")}`;
  }
}

const pair = (from: RemoteFile, to: RemoteFile): object => ({
  srcFs: from.fs,
  srcRemote: from.remote,
  dstFs: to.fs,
  dstRemote: to.remote,
});

/** The error alone: rclone repeats the question beside it. */
function errorIn(body: string): string {
  try {
    return withoutSignatures(failure.parse(JSON.parse(body)).error);
  } catch {
    return "";
  }
}

/** For a while a signed URL is as good as a key. */
const withoutSignatures = (text: string): string => text.replace(/\?X-Amz-[^\s"]*/g, "?…");
