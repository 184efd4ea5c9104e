import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import Docker from "dockerode";

import { ensureImages, imageName, type Release, type Role } from "./build";

export interface Running {
  container: Docker.Container;
  address: string;
}

export interface StartOptions {
  release?: Release;
  command?: string[];
  volumes?: string[];
  mounts?: Record<string, string>;
  user?: string;
  /** `name:address`, for /etc/hosts. */
  hosts?: string[];
}

/** A value for a POSIX shell, as the program writes /secrets/env. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

/** Containers of the stand-ins' images, as hardened as the program makes them, in a network of their own. */
export class HardenedContainers {
  /** Begins the names of all that is made. */
  readonly run = `standin-${randomBytes(4).toString("hex")}`;
  readonly engine: Docker;
  readonly all: Docker.Container[] = [];
  /** A directory whose folders are mounted. */
  readonly files = mkdtempSync(join(tmpdir(), `${this.run}-`));
  private network: Docker.Network | undefined;

  private constructor(socketPath: string) {
    this.engine = new Docker({ socketPath });
    chmodSync(this.files, 0o755);
  }

  /** On the engine at `E2E_DOCKER_SOCKET`. `secrets`: in the environment of every process. */
  static async create(secrets: Readonly<Record<string, string>> = {}): Promise<HardenedContainers> {
    const socketPath = process.env["E2E_DOCKER_SOCKET"];
    if (socketPath === undefined) throw new Error("set E2E_DOCKER_SOCKET to the socket of a Docker engine");
    await ensureImages([socketPath]);
    const made = new HardenedContainers(socketPath);
    made.network = await made.engine.createNetwork({ Name: made.run });
    const lines = Object.entries(secrets).map(([name, value]) => `${name}=${quoted(value)}\n`);
    made.file("secrets/env", lines.join(""));
    return made;
  }

  file(path: string, content: string, mode = 0o644): void {
    const target = join(this.files, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    chmodSync(target, mode);
  }

  async start(
    role: Role,
    name: string,
    environment: Readonly<Record<string, string>>,
    options: StartOptions = {},
  ): Promise<Running> {
    const mounts = { "/secrets": "secrets", "/config": `config-${role}`, ...options.mounts };
    for (const directory of Object.values(mounts))
      mkdirSync(join(this.files, directory), { recursive: true });
    const isJitsi = role !== "haproxy";
    const container = await this.engine.createContainer({
      Image: imageName(role, options.release ?? "r1"),
      name: `${this.run}-${name}`,
      Env: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
      ...(isJitsi ? { Entrypoint: ["sh", "-c", "set -a; . /secrets/env; set +a; exec /init"] } : {}),
      ...(options.command === undefined ? {} : { Cmd: options.command }),
      ...(options.user === undefined ? {} : { User: options.user }),
      HostConfig: {
        ReadonlyRootfs: true,
        ExtraHosts: options.hosts ?? [],
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        NetworkMode: this.run,
        ShmSize: role === "jibri" ? 2 * 1024 ** 3 : 64 * 1024 ** 2,
        PidsLimit: 200,
        Tmpfs: isJitsi
          ? { "/run": "size=16M,mode=1750,exec,uid=1000,gid=1000", "/tmp": "size=16M,mode=1777,noexec" }
          : { "/tmp": "size=16M,mode=1777" },
        Binds: Object.entries(mounts).map(
          ([target, directory]) => `${join(this.files, directory)}:${target}:ro`,
        ),
        Mounts: (options.volumes ?? []).map((target) => ({
          Type: "volume",
          Source: `${this.run}-${name}${target.replaceAll("/", "-")}`,
          Target: target,
        })),
      },
      NetworkingConfig: { EndpointsConfig: { [this.run]: { Aliases: [name] } } },
    });
    this.all.push(container);
    await container.start();
    return { container, address: await this.addressOf(container) };
  }

  async addressOf(container: Docker.Container): Promise<string> {
    const { NetworkSettings } = await container.inspect();
    return NetworkSettings.Networks[this.run]?.IPAddress ?? "";
  }

  async remove(container: Docker.Container): Promise<void> {
    await container.remove({ force: true, v: true });
    this.all.splice(this.all.indexOf(container), 1);
  }

  async end(): Promise<void> {
    for (const container of [...this.all]) await this.remove(container);
    for (const { Name } of (await this.engine.listVolumes()).Volumes)
      if (Name.startsWith(this.run)) await this.engine.getVolume(Name).remove();
    await this.network?.remove();
    rmSync(this.files, { recursive: true });
  }
}
