/** How a provider reaches its Docker host: the local socket, TCP with or without TLS, or the system's ssh. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import { Duplex } from "node:stream";
import type Docker from "dockerode";
import type { Properties, Value } from "../properties";
import { text, texts } from "../values";

/** The configuration properties a connection is made of. */
export const connectionConfig = [
  "host",
  "sshOpts",
  "certPath",
  "caMaterial",
  "certMaterial",
  "keyMaterial",
  "disableDockerDaemonCheck",
] as const;

const pingLimitMs = 30_000;

/** The version of the API that the plug-in's client (docker/docker v28.5.2) speaks with an engine that knows it. */
const NEWEST_MINOR = 51;

/** A Docker host that is only connected to when something is done on it, as the real plug-in does. */
export class DockerHost {
  private connected: Promise<Docker> | undefined;

  constructor(private readonly config: Properties) {}

  /** @throws when the daemon does not answer */
  connect(): Promise<Docker> {
    this.connected ??= this.open().catch((error: unknown) => {
      this.connected = undefined;
      throw error;
    });
    return this.connected;
  }

  private async open(): Promise<Docker> {
    const host = text(this.config["host"]) ?? "unix:///var/run/docker.sock";
    const docker = await clientOf(host, this.config);
    if (parsed(this.config["disableDockerDaemonCheck"]) === true) return docker;
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      limit = setTimeout(() => reject(new Error("no answer within 30 s")), pingLimitMs);
    });
    try {
      await Promise.race([docker.ping(), late]);
      await agreeOnVersion(docker);
    } catch (error) {
      throw new Error(
        `failed to create Docker client: Error pinging Docker server, please make sure that ${host} is reachable ` +
          `and has a  '_ping' endpoint. Error: ${error instanceof Error ? error.message : String(error)}`,
      );
    } finally {
      clearTimeout(limit);
    }
    return docker;
  }
}

/** As the plug-in's client: the newest that both know. An engine that is newer still answers in other words by itself. */
async function agreeOnVersion(docker: Docker): Promise<void> {
  const { ApiVersion } = await docker.version();
  const minor = Math.min(NEWEST_MINOR, Number(ApiVersion.split(".")[1]));
  (docker.modem as { version?: string }).version = `v1.${minor}`;
}

async function clientOf(host: string, config: Properties): Promise<Docker> {
  // Loaded only here: it takes longer to load than all the rest, and a preview needs no connection.
  const { default: DockerClient } = await import("dockerode");
  if (host.startsWith("unix://")) return new DockerClient({ socketPath: host.slice("unix://".length) });
  const url = new URL(host);
  if (url.protocol === "ssh:") {
    const agent = new DialStdioAgent(url, sshOptions(config["sshOpts"]));
    return new DockerClient({ protocol: "http", host: "docker", port: 80, ...{ agent } });
  }
  if (url.protocol !== "tcp:") throw new Error(`unsupported Docker host ${host}`);
  const tls = await tlsMaterial(config);
  return new DockerClient({
    protocol: tls === undefined ? "http" : "https",
    host: hostOf(url),
    port: url.port === "" ? "2375" : url.port,
    ...tls,
  });
}

/** Go's URL.Hostname, with which the plug-in reads it, has no brackets. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, "$1");

async function tlsMaterial(
  config: Properties,
): Promise<{ ca?: string; cert: string; key: string } | undefined> {
  const [ca, cert, key] = [
    text(config["caMaterial"]),
    text(config["certMaterial"]),
    text(config["keyMaterial"]),
  ];
  const certPath = text(config["certPath"]);
  if (cert !== undefined || key !== undefined) {
    if (cert === undefined || key === undefined)
      throw new Error("cert_material, and key_material must be specified");
    if (certPath !== undefined) throw new Error("cert_path must not be specified");
    return { ...(ca === undefined ? {} : { ca }), cert, key };
  }
  if (certPath === undefined) return undefined;
  const [caFile, certFile, keyFile] = await Promise.all(
    ["ca.pem", "cert.pem", "key.pem"].map((file) => readFile(join(certPath, file), "utf8")),
  );
  return { ca: caFile ?? "", cert: certFile ?? "", key: keyFile ?? "" };
}

/** Speaks HTTP to the far daemon through `ssh … docker system dial-stdio`, one process for each connection. */
class DialStdioAgent extends Agent {
  constructor(
    private readonly url: URL,
    private readonly options: string[],
  ) {
    super({ keepAlive: false });
  }

  override createConnection(): Duplex {
    const { username, port } = this.url;
    const hostname = hostOf(this.url);
    const login = [...(username === "" ? [] : ["-l", username]), ...(port === "" ? [] : ["-p", port])];
    const argv = ["-o", "ConnectTimeout=30", "-T", ...login, ...this.options, "--", hostname];
    const ssh = spawn("ssh", [...argv, "docker", "system", "dial-stdio"], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    const connection = Duplex.from({ readable: ssh.stdout, writable: ssh.stdin });
    let complaint = "";
    ssh.stderr.setEncoding("utf8").on("data", (chunk: string) => (complaint += chunk));
    ssh.once("error", (error) => connection.destroy(error));
    ssh.once("close", (code) => {
      if (code !== 0)
        connection.destroy(new Error(`ssh ended with exit code ${code ?? "unknown"}: ${complaint.trim()}`));
    });
    connection.once("close", () => ssh.kill());
    return connection;
  }
}

function sshOptions(value: Value | undefined): string[] {
  return texts(parsed(value));
}

/** The SDK hands over every provider setting that is not text as JSON text. */
function parsed(value: Value | undefined): Value | undefined {
  return typeof value === "string" && value !== "" ? (JSON.parse(value) as Value) : value;
}
