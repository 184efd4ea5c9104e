import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Spool, SpoolItem } from "../scaler/hostApi";
import type { Ledger } from "./ledger";

const RECORDING = "recording.mp4";
const list = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

/** Stand-in for the uploader: brings what is in the spool to the store, one recording a step. */
export class LabSpool {
  readonly #uploaded = { uploaded: 0, uploadedBytes: 0, partial: 0 };

  constructor(
    private readonly storage: string,
    private readonly store: string,
    private readonly isAlive: (instance: string) => boolean,
    private readonly ledger: Ledger,
  ) {}

  state(): Spool {
    return { items: [...this.#items("recordings"), ...this.#items("spool")], ...this.#uploaded };
  }

  upload(): void {
    // What a Jibri left behind goes as it is.
    for (const { instance, session } of this.#items("recordings").filter(({ partial }) => partial)) {
      mkdirSync(join(this.storage, "spool", instance), { recursive: true });
      renameSync(
        this.#directory("recordings", instance, session),
        this.#directory("spool", instance, session),
      );
      this.#uploaded.partial += 1;
    }
    const [next] = this.#items("spool");
    if (!next) return;
    const from = this.#directory("spool", next.instance, next.session);
    const to = join(this.store, `${next.session}.mp4`);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(from, RECORDING), to);
    this.ledger.arrived(next.session, createHash("sha256").update(readFileSync(to)).digest("hex"));
    this.#uploaded.uploaded += 1;
    this.#uploaded.uploadedBytes += next.bytes;
    rmSync(from, { recursive: true });
  }

  #items(stage: "recordings" | "spool"): SpoolItem[] {
    return list(join(this.storage, stage)).flatMap((instance) =>
      list(join(this.storage, stage, instance)).map((session) => ({
        instance,
        session,
        state: stage === "spool" ? ("waiting" as const) : ("recording" as const),
        // Its file may come or go just now.
        bytes:
          statSync(join(this.#directory(stage, instance, session), RECORDING), { throwIfNoEntry: false })
            ?.size ?? 0,
        attempts: 0,
        partial: stage === "recordings" && !this.isAlive(instance),
      })),
    );
  }

  #directory(stage: "recordings" | "spool", instance: string, session: string): string {
    return join(this.storage, stage, instance, session);
  }
}
