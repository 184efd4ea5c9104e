import { spawn } from "node:child_process";
import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join as path } from "node:path";

import { scaledMilliseconds } from "../environment";
import type { Session } from "./session";

/** How long the browser takes to be in the call: no file exists before. */
const joinSeconds = 2;
const writeSeconds = 1;

/** One recording of a call: a growing file in a directory of its own, then metadata and the finalize script. */
export class Recording implements Session {
  readonly activity = "recording";
  readonly directory: string;
  readonly #file: string;
  #timer: NodeJS.Timeout;
  #stopped = false;

  /** @throws when the directory cannot be made or written to. */
  constructor(
    recordingsDirectory: string,
    readonly id: string,
    private readonly callUrl: string,
    callName: string,
    private readonly bytesPerWrite: () => number,
    /** Joins the call; rejects where that fails. */
    join: () => Promise<void>,
    /** Told that it did: nothing is recorded. */
    failed: (error: unknown) => void,
  ) {
    this.directory = path(recordingsDirectory, id.replaceAll(/[^a-zA-Z0-9_-]/g, "_"));
    mkdirSync(this.directory, { recursive: true });
    accessSync(this.directory, constants.W_OK);
    const [date = "", time = ""] = new Date().toISOString().slice(0, 19).split("T");
    this.#file = path(this.directory, `${callName}_${date}-${time.replaceAll(":", "-")}.mp4`);
    this.#timer = setTimeout(
      () => void join().then(() => this.#begin(), failed),
      scaledMilliseconds(joinSeconds),
    );
  }

  #begin(): void {
    if (this.#stopped) return;
    this.#write();
    this.#timer = setInterval(() => this.#write(), scaledMilliseconds(writeSeconds));
  }

  #write(): void {
    // No two recordings have the same content.
    appendFileSync(this.#file, Buffer.alloc(this.bytesPerWrite(), `${this.id} `));
  }

  /** Without a file nothing is left, and nothing finalized. As in Jibri the script's exit code changes nothing. */
  async stop(finalizeScript: string): Promise<number | undefined> {
    this.#stopped = true;
    clearInterval(this.#timer);
    if (!existsSync(this.#file)) {
      try {
        rmdirSync(this.directory);
      } catch (error) {
        console.error("session directory not deleted:", error);
      }
      return undefined;
    }
    writeFileSync(
      path(this.directory, "metadata.json"),
      JSON.stringify({ meeting_url: this.callUrl, participants: [] }),
    );
    return await new Promise((resolve) => {
      const finalize = spawn(finalizeScript, [this.directory], { stdio: ["ignore", "inherit", "inherit"] });
      finalize.once("error", (error) => {
        console.error("finalize script not run:", error.message);
        resolve(-1);
      });
      finalize.once("exit", (code, signal) => {
        console.log(`finalize script ended with ${code ?? signal ?? "nothing"}`);
        resolve(code ?? -1);
      });
    });
  }
}
