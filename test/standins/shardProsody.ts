import * as pulumi from "@pulumi/pulumi";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { filesOf } from "../../components/docker/files";
import type { ContainerSpec } from "../../components/platform";
import { start, type Environment, type StandinProcess } from "./processes";

const uid = 1000;

/** What an Output holds. */
const valueOf = (value: pulumi.Input<string>): Promise<string> =>
  new Promise((resolve) => {
    pulumi.output(value).apply(resolve);
  });

/**
 * The Prosody of a shard as its container's specification says, as a plain process under a directory: what is memory
 * there is empty at each start, volumes are kept, files and secrets are where it looks for them.
 */
export class ShardProsody {
  readonly #root = mkdtempSync(join(tmpdir(), "shard-prosody-"));
  #generation = 0;

  async start(spec: ContainerSpec, environment: Environment): Promise<StandinProcess> {
    rmSync(join(this.#root, "fleet"), { recursive: true, force: true });
    for (const { path } of spec.scratch) rmSync(join(this.#root, path), { recursive: true, force: true });
    for (const { path } of [...spec.scratch, ...spec.volumes])
      mkdirSync(join(this.#root, path), { recursive: true });
    cpSync(join(__dirname, "images", "prosody"), join(this.#root, "image"), { recursive: true });
    cpSync(join(this.#root, "image", "init"), join(this.#root, "init"));
    const { directory } = spec.lookedUp ?? { directory: "/nowhere" };
    for (const [path, content] of Object.entries(filesOf(spec)))
      this.#write(
        `fleet/${path}`,
        (await valueOf(content)).replaceAll(directory, join(this.#root, directory)),
      );
    await this.lookUp(spec);
    this.#own();
    const script = (spec.command[2] ?? "").replace(
      /(?<![\w.-])\/(fleet|config|prosody-plugins-custom|init)\b/g,
      (path) => join(this.#root, path),
    );
    return start(
      "/bin/sh",
      ["-c", script],
      {
        ...spec.env,
        ...environment,
        ROOT: this.#root,
        PLUGINS: join(this.#root, "image", "prosody-plugins"),
      },
      process.getuid?.() === 0 ? uid : undefined,
    );
  }

  /** Puts what it looks up in the place of what was there. */
  async lookUp({ lookedUp }: Pick<ContainerSpec, "lookedUp">): Promise<void> {
    if (!lookedUp) return;
    this.#generation += 1;
    const generation = `generation-${this.#generation}`;
    for (const [name, content] of Object.entries(lookedUp.files))
      this.#write(`${lookedUp.directory}/${generation}/${name}`, await valueOf(content));
    const current = join(this.#root, lookedUp.directory, "current");
    symlinkSync(generation, `${current}.next`);
    renameSync(`${current}.next`, current);
    this.#own();
  }

  remove(): void {
    rmSync(this.#root, { recursive: true });
  }

  #write(path: string, content: string): void {
    const target = join(this.#root, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content, { mode: 0o644 });
  }

  #own(): void {
    if (process.getuid?.() === 0) execFileSync("chown", ["-hR", `${uid}:${uid}`, this.#root]);
  }
}
