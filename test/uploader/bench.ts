import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SpoolItem } from "../../scaler/hostApi";
import { RCLONE_PASSWORD, RCLONE_USER, RcloneProcess } from "./rcloneProcess";
import type { TestStore } from "./stores";
import { until, UploaderProcess } from "./uploaderProcess";

/** What a recording may take, here. */
export const RECORDING_BYTES = 1_000_000;

export type Files = Readonly<Record<string, Buffer>>;

/** A session as Jibri leaves it. */
export const recording = (bytes = 100_000): Files => ({
  "metadata.json": Buffer.from(JSON.stringify({ meeting_url: "https://meet.example/room" })),
  "room.mp4": randomBytes(bytes),
});

/** A volume, a store, rclone and the uploader. */
export class Bench<Store extends TestStore = TestStore> {
  readonly rclone: RcloneProcess;
  private process: UploaderProcess | undefined;

  constructor(
    readonly store: Store,
    readonly storage = mkdtempSync(join(tmpdir(), "fleet-storage-")),
  ) {
    this.rclone = new RcloneProcess(store);
  }

  get uploader(): UploaderProcess {
    assert(this.process, "the uploader was not started");
    return this.process;
  }

  async open(): Promise<void> {
    await this.store.open();
    await this.rclone.start();
  }

  async close(removesStorage = true): Promise<void> {
    await this.process?.dispose();
    await this.rclone.dispose();
    await this.store.close();
    if (removesStorage) rmSync(this.storage, { recursive: true, force: true });
  }

  /** Empty volume and store, no uploader. */
  async clear(): Promise<void> {
    await this.process?.dispose();
    this.process = undefined;
    this.rclone.reset();
    for (const name of readdirSync(this.storage)) rmSync(join(this.storage, name), { recursive: true });
    await this.store.clear();
  }

  async startUploader(orphanSeconds = 1): Promise<void> {
    this.process ??= new UploaderProcess({
      storage: this.storage,
      rclone: { url: this.rclone.url, user: RCLONE_USER, password: RCLONE_PASSWORD },
      destination: this.store.destination,
      kind: this.store.kind,
      recordingBytes: RECORDING_BYTES,
      retry: { firstSeconds: 0.2, longestSeconds: 1 },
      orphanSeconds,
      stallSeconds: 3,
    });
    await this.process.start();
  }

  path(...parts: readonly string[]): string {
    return join(this.storage, ...parts);
  }

  add(stage: "recordings" | "spool", instance: string, session: string, files: Files): void {
    // Whole at once, as a rename makes it.
    const making = this.path("making");
    mkdirSync(making);
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(making, name)), { recursive: true });
      writeFileSync(join(making, name), content);
    }
    mkdirSync(this.path(stage, instance), { recursive: true });
    renameSync(making, this.path(stage, instance, session));
  }

  spooled(): string[] {
    return this.#sessions("spool");
  }

  recording(): string[] {
    return this.#sessions("recordings");
  }

  /** Waits until the spool is empty. */
  async emptied(seconds?: number): Promise<void> {
    try {
      await until("the spool is empty", () => this.spooled().length === 0, seconds);
    } catch (error) {
      throw new Error(
        `${String(error)}\n${this.uploader.output.slice(-4000)}\n${this.rclone.output.slice(-2000)}`,
        {
          cause: error,
        },
      );
    }
  }

  async item(session: string): Promise<SpoolItem | undefined> {
    return (await this.process?.spool())?.items.find((item) => item.session === session);
  }

  /** Waits until an attempt failed, and gives the reason. */
  async failure(session: string): Promise<string> {
    let item: SpoolItem | undefined;
    await until(`${session} fails`, async () => {
      item = await this.item(session);
      return item?.state === "failing";
    });
    assert(item && item.attempts > 0);
    return item.error ?? "";
  }

  /** The store has these sessions' files, right, and nothing else. */
  async assertStored(sessions: Readonly<Record<string, Files>>): Promise<void> {
    const expected = Object.entries(sessions).flatMap(([session, files]) =>
      Object.entries(files).map(([name, content]) => `${session}/${name} ${sha256(content)}`),
    );
    const stored = [...(await this.store.files())].map(([name, content]) => `${name} ${sha256(content)}`);
    assert.deepEqual(stored.sort(), expected.sort());
  }

  #sessions(stage: string): string[] {
    const list = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
    return list(this.path(stage)).flatMap((instance) => list(this.path(stage, instance)));
  }
}

const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");
