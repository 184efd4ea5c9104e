import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { buffer } from "node:stream/consumers";
import { extract } from "tar-stream";

/** A volume: its labels, and its files and links by path. */
interface Volume {
  readonly labels: Readonly<Record<string, string>>;
  readonly files: Map<string, string>;
}

interface Body {
  readonly Image: string;
  readonly Labels?: Record<string, string>;
  readonly User?: string;
  readonly Healthcheck?: unknown;
  readonly HostConfig: { readonly Binds?: string[]; readonly NetworkMode?: string };
}

interface Container {
  readonly id: string;
  readonly name: string;
  readonly body: Body;
  readonly networks: Set<string>;
  status: "created" | "running" | "exited";
}

interface Network {
  readonly id: string;
  readonly body: {
    readonly Name: string;
    readonly Labels?: Record<string, string>;
    readonly Driver?: string;
  };
}

/** Answers with a status of the API's. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

type Answer = object | Buffer | undefined;

/**
 * The part of Docker's API (v1.41) that the plug-in, the fleet's commands and its guards call, in memory: containers,
 * networks and volumes with the engine's own answers to what is missing, is there already or is in use. Nothing runs in a
 * container; what a program of the fleet would answer is told from its files, and from what a test says is on.
 */
export class FakeDocker {
  readonly containers = new Map<string, Container>();
  readonly networks = new Map<string, Network>();
  readonly volumes = new Map<string, Volume>();
  /** Conferences by shard. */
  readonly conferences = new Map<string, number>();
  /** Participants on the bridges that the scaler would have launched here. */
  participants = 0;
  /** Containers that cannot be created. */
  readonly failing = new Set<string>();
  /** How many requests changed anything. */
  changes = 0;
  /** As `docker info` tells it: each engine has another. */
  readonly engine = randomBytes(8).toString("hex");
  private readonly execs = new Map<string, { exitCode: number; output: string }>();

  private constructor(
    readonly socket: string,
    private readonly directory: string,
    private readonly server: Server,
  ) {
    server.on("request", (request, response) => void this.respond(request, response));
  }

  static async start(): Promise<FakeDocker> {
    const directory = await mkdtemp(join(tmpdir(), "fake-docker-"));
    const server = createServer();
    const fake = new FakeDocker(join(directory, "docker.sock"), directory, server);
    server.listen(fake.socket);
    await once(server, "listening");
    return fake;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** All that is here, to be compared: what is in containers and volumes too. */
  snapshot(): unknown {
    return {
      containers: [...this.containers.values()].map(({ body, id, name, status }) => ({
        id,
        name,
        status,
        body,
      })),
      networks: [...this.networks.values()],
      volumes: [...this.volumes].map(([name, { files, labels }]) => ({ name, labels, files: [...files] })),
    };
  }

  /** As `docker rm --force`. */
  lose(name: string): void {
    this.containers.delete(name);
  }

  /** As `docker volume rm`: with the containers that have it. */
  loseVolume(name: string): void {
    for (const user of this.usersOf(name)) this.lose(user);
    this.volumes.delete(name);
  }

  /** A machine with nothing on it but an engine. */
  reinstall(): void {
    this.containers.clear();
    this.networks.clear();
    this.volumes.clear();
  }

  private usersOf(volume: string): string[] {
    return [...this.containers.values()]
      .filter(({ body }) => (body.HostConfig.Binds ?? []).some((bind) => bind.startsWith(`${volume}:`)))
      .map(({ name }) => name);
  }

  private async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", "http://docker");
    const path = url.pathname.replace(/^\/v[0-9.]+/, "");
    const raw = await buffer(request);
    try {
      const answer = await this.route(request.method ?? "", path, url.searchParams, raw);
      if (Buffer.isBuffer(answer)) response.end(answer);
      else if (answer === undefined) response.writeHead(204).end();
      else
        response
          .writeHead(request.method === "POST" && path.endsWith("/create") ? 201 : 200, {
            "content-type": "application/json",
          })
          .end(JSON.stringify(answer));
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 500;
      const message = error instanceof Error ? error.message : String(error);
      response.writeHead(status, { "content-type": "application/json" });
      response.end(status === 304 ? "" : JSON.stringify({ message }));
    }
  }

  private async route(method: string, path: string, query: URLSearchParams, raw: Buffer): Promise<Answer> {
    const json = (): unknown => JSON.parse(raw.toString() || "{}");
    const [kind = "", name = "", verb = ""] = path.slice(1).split("/").map(decodeURIComponent);
    if (method !== "GET" && method !== "HEAD" && kind !== "exec" && verb !== "exec") this.changes += 1;
    switch (kind) {
      case "version":
        return { Version: "20.10.24", ApiVersion: "1.41", MinAPIVersion: "1.12" };
      case "_ping":
        return Buffer.from("OK");
      case "info":
        return { ID: this.engine };
      case "images":
        return name === "json" ? [{ Id: "sha256:1" }] : { Id: "sha256:1", RepoDigests: [] };
      case "containers":
        if (name === "create") return this.create(query.get("name") ?? "", json() as Body);
        if (name === "json") return this.list(query);
        return this.container(method, this.find(name), verb, query, raw);
      case "exec":
        return this.exec(name, verb);
      case "networks":
        return this.network(method, name, verb, json() as Record<string, unknown>);
      case "volumes":
        return this.volume(method, name, json() as Record<string, unknown>);
      default:
        throw new Refusal(501, `the fake knows no ${method} ${path}`);
    }
  }

  private find(name: string): Container {
    const found = this.containers.get(name) ?? [...this.containers.values()].find(({ id }) => id === name);
    if (!found) throw new Refusal(404, `No such container: ${name}`);
    return found;
  }

  private create(asked: string, body: Body): object {
    if (this.failing.has(asked)) throw new Refusal(500, "no space left on device");
    const id = randomBytes(32).toString("hex");
    const name = asked === "" ? `unnamed-${id.slice(0, 12)}` : asked;
    if (this.containers.has(name))
      throw new Refusal(409, `Conflict. The container name "/${name}" is already in use`);
    for (const bind of body.HostConfig.Binds ?? []) {
      const [volume = ""] = bind.split(":");
      // A volume that is not there the engine makes by itself: without labels, and empty.
      if (!volume.startsWith("/") && !this.volumes.has(volume))
        this.volumes.set(volume, { labels: {}, files: new Map() });
    }
    this.containers.set(name, { id, name, body, networks: new Set(), status: "created" });
    return { Id: id, Warnings: [] };
  }

  private list(query: URLSearchParams): object[] {
    const { label = [] } = JSON.parse(query.get("filters") ?? "{}") as { label?: string[] };
    return [...this.containers.values()]
      .filter(({ body: { Labels = {} } }) =>
        label.every((wanted) => {
          const [key = "", value] = wanted.split("=");
          return key in Labels && (value === undefined || Labels[key] === value);
        }),
      )
      .map(({ body, id, name, status }) => ({
        Id: id,
        Names: [`/${name}`],
        State: status,
        Labels: body.Labels ?? {},
      }));
  }

  private async container(
    method: string,
    container: Container,
    verb: string,
    query: URLSearchParams,
    raw: Buffer,
  ): Promise<Answer> {
    switch (`${method} ${verb}`) {
      case "GET json":
        return inspection(container);
      case "POST start":
        container.status = "running";
        return undefined;
      case "POST stop":
        if (container.status !== "running") throw new Refusal(304, "");
        container.status = "exited";
        return undefined;
      case "POST wait":
        return { StatusCode: 0 };
      case "POST update":
        return { Warnings: [] };
      case "GET top":
        return {
          Titles: ["PID", "ELAPSED"],
          Processes: [
            ["1", "100"],
            [String(this.changes + 2), "100"],
          ],
        };
      case "DELETE ":
        this.containers.delete(container.name);
        return undefined;
      case "PUT archive":
        await this.unpack(container, query.get("path") ?? "/", raw);
        return Buffer.from("");
      case "POST exec": {
        const { Cmd, WorkingDir = "/" } = JSON.parse(raw.toString()) as {
          Cmd: string[];
          WorkingDir?: string;
        };
        if (container.status !== "running")
          throw new Refusal(409, `Container ${container.id} is not running`);
        const id = randomBytes(8).toString("hex");
        this.execs.set(id, this.run(container, Cmd, WorkingDir));
        return { Id: id };
      }
      default:
        throw new Refusal(501, `the fake knows no ${method} ${verb} of a container`);
    }
  }

  private exec(id: string, verb: string): Answer {
    const { exitCode, output } = this.execs.get(id) ?? { exitCode: 127, output: "" };
    return verb === "start" ? Buffer.from(output) : { ExitCode: exitCode, Running: false };
  }

  /** The volume at a path in a container, and the path in it. */
  private at(container: Container, path: string): { volume: Volume; inside: string } {
    for (const bind of container.body.HostConfig.Binds ?? []) {
      const [source = "", target = ""] = bind.split(":");
      const volume = this.volumes.get(source);
      if (volume && (path === target || path.startsWith(`${target}/`)))
        return { volume, inside: path.slice(target.length + 1) };
    }
    throw new Refusal(404, `Could not find the file ${path} in container ${container.id}`);
  }

  private async unpack(container: Container, path: string, raw: Buffer): Promise<void> {
    const { inside, volume } = this.at(container, path);
    const tar = extract();
    tar.on("entry", (header, stream, next) => {
      void buffer(stream).then((content) => {
        if (header.type === "file") volume.files.set(posix.join(inside, header.name), content.toString());
        next();
      });
    });
    tar.end(raw);
    await once(tar, "finish");
  }

  /** What the commands of the fleet would do and say. */
  private run(
    container: Container,
    argv: readonly string[],
    directory: string,
  ): { exitCode: number; output: string } {
    const line = argv.join(" ");
    const said = (output: string): { exitCode: number; output: string } => ({ exitCode: 0, output });
    const node = container.body.Labels?.["jitsi-fleet.node"] ?? "";
    if (argv[0] === "readlink") {
      const { inside, volume } = this.at(container, argv[1] ?? "");
      const leads = volume.files.get(`link ${inside}`);
      return leads === undefined ? { exitCode: 1, output: "" } : said(leads);
    }
    const link = /ln -sfn (\S+) (\S+)\.next && mv/.exec(line);
    if (link) {
      this.at(container, directory).volume.files.set(`link ${link[2] ?? ""}`, link[1] ?? "");
      return said("");
    }
    const others = /find \. .* ! -name (\S+) -exec rm/.exec(line);
    if (others) {
      const { files } = this.at(container, directory).volume;
      for (const path of files.keys())
        if (path.startsWith("generation-") && !path.startsWith(`${others[1] ?? ""}/`)) files.delete(path);
      return said("");
    }
    if (line.includes("/stats")) {
      const conferences = this.conferences.get(node) ?? 0;
      const jibri = { recording_active: 0, live_streaming_active: 0 };
      return said(JSON.stringify({ conferences, participants: 2 * conferences, jibri }));
    }
    if (line.endsWith("program.js state")) return said(JSON.stringify(this.agentState(node)));
    if (line.endsWith("program.js arrangement")) return said(JSON.stringify(this.arrangement(node)));
    return said("");
  }

  private agentState(node: string): object {
    const body = JSON.stringify({
      participants: this.participants,
      octo_endpoints: 0,
      local_endpoints: this.participants,
      conferences: 1,
      stress_level: 0.1,
      drain: false,
      graceful_shutdown: false,
      shutting_down: false,
      mucs_joined: 1,
      current_timestamp: "2026-12-01 10:00:00.000",
    });
    const bridge = {
      name: "s1-bridges-abcde",
      pool: "s1-bridges",
      role: "bridge",
      revision: "1",
      launchedAt: "2026-12-01T10:00:00Z",
      state: "running",
      health: "healthy",
      fenced: false,
      status: { status: 200, body },
    };
    const host = node.replace(/^agent-/, "");
    const instances = this.participants === 0 ? [] : [bridge];
    return { host, time: "2026-12-01T10:00:00Z", version: "1", pools: [], instances };
  }

  /** The shards' states as they are in force on an edge: a keeper takes them from the configuration that `current` leads to. */
  private arrangement(edge: string): object {
    const haproxy = [...this.containers.values()].find(
      ({ body, name }) => body.Labels?.["jitsi-fleet.node"] === edge && name.endsWith("-haproxy"),
    );
    const live = [...this.volumes].find(([name]) => haproxy && name === `${haproxy.name}-live`)?.[1];
    const generation = live?.files.get("link current") ?? "";
    const states = (live?.files.get(`${generation}/states.map`) ?? "").split("\n").flatMap((line) => {
      const [shard, state] = line.split(" ");
      return shard && state ? [[shard, { state, up: true }] as const] : [];
    });
    return Object.fromEntries(states);
  }

  private network(method: string, name: string, verb: string, body: Record<string, unknown>): Answer {
    if (name === "create") {
      const made = body as unknown as Network["body"];
      if (this.networks.has(made.Name))
        throw new Refusal(409, `network with name ${made.Name} already exists`);
      // As long as an engine's own.
      const id = createHash("sha256").update(randomBytes(8)).digest("hex");
      this.networks.set(made.Name, { id, body: made });
      return { Id: id, Warning: "" };
    }
    if (method === "GET" && name === "")
      return [...this.networks.values()].map(({ body: { Name, Labels }, id }) => ({ Name, Id: id, Labels }));
    if (verb === "disconnect") throw new Refusal(403, "container is not connected to network bridge");
    const found = [...this.networks.values()].find(({ body: { Name }, id }) => name === id || name === Name);
    if (!found) throw new Refusal(404, `network ${name} not found`);
    if (verb === "connect") {
      this.find(String(body["Container"])).networks.add(found.body.Name);
      return Buffer.from("");
    }
    if (method === "DELETE") {
      const isUsed = [...this.containers.values()].some(
        ({ networks, status }) => status === "running" && networks.has(found.body.Name),
      );
      if (isUsed)
        throw new Refusal(403, `error while removing network: ${found.body.Name} has active endpoints`);
      this.networks.delete(found.body.Name);
      return undefined;
    }
    return {
      Name: found.body.Name,
      Id: found.id,
      Labels: found.body.Labels ?? {},
      Driver: "bridge",
      Internal: false,
      Attachable: false,
      Ingress: false,
      EnableIPv6: false,
      Scope: "local",
      Options: {},
      IPAM: { Driver: "default", Options: {}, Config: [] },
    };
  }

  private volume(method: string, name: string, body: Record<string, unknown>): Answer {
    const told = (called: string, { labels }: Volume): object => ({
      Name: called,
      Labels: labels,
      Driver: "local",
      Options: null,
      Mountpoint: `/var/lib/docker/volumes/${called}/_data`,
    });
    if (name === "create") {
      const called = String(body["Name"]);
      // One of that name is as good, with the labels that it has.
      const known = this.volumes.get(called) ?? {
        labels: (body["Labels"] ?? {}) as Record<string, string>,
        files: new Map<string, string>(),
      };
      this.volumes.set(called, known);
      return told(called, known);
    }
    if (name === "")
      return { Volumes: [...this.volumes].map(([called, of]) => told(called, of)), Warnings: null };
    const found = this.volumes.get(name);
    if (method === "DELETE") {
      if (this.usersOf(name).length > 0) throw new Refusal(409, `remove ${name}: volume is in use`);
      this.volumes.delete(name);
      return undefined;
    }
    if (!found) throw new Refusal(404, `get ${name}: no such volume`);
    return told(name, found);
  }
}

/** A container as Docker inspects it. */
function inspection({ body, id, name, networks, status }: Container): object {
  const none = { CapAdd: null, CapDrop: null, SecurityOpt: null, ExtraHosts: null };
  return {
    Id: id,
    Name: `/${name}`,
    Image: "sha256:1",
    State: {
      Status: status,
      Running: status === "running",
      Restarting: false,
      Pid: status === "running" ? 1 : 0,
      ExitCode: 0,
      ...(body.Healthcheck === undefined
        ? {}
        : { Health: { Status: status === "running" ? "healthy" : "unhealthy" } }),
    },
    Config: { User: "", ...body },
    HostConfig: { ...none, LogConfig: { Type: "json-file", Config: {} }, ...body.HostConfig },
    NetworkSettings: {
      Bridge: "",
      Ports: (body.HostConfig as { PortBindings?: object }).PortBindings ?? {},
      Networks: Object.fromEntries(
        [...networks].map((network) => [
          network,
          {
            IPAddress: "172.18.0.2",
            IPPrefixLen: 16,
            Gateway: "172.18.0.1",
            GlobalIPv6Address: "",
            GlobalIPv6PrefixLen: 0,
            IPv6Gateway: "",
            MacAddress: "",
          },
        ]),
      ),
    },
  };
}
