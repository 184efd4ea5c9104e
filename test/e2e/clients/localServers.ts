/** Real servers on loopback for the clients' own tests: Prosody as a Jitsi shard has it, and HAProxy as its edge. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../support/freePort";

export interface LocalServer {
  port: number;
  signal(name: NodeJS.Signals): void;
  /** Ends it by a signal, SIGTERM unless said otherwise, and waits for it. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const READY_SECONDS = 120;
const STOP_SECONDS = 5;

/** Names of those programs that are not installed. */
export function missingPrograms(...names: string[]): string[] {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  return names.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
}

/** Prosody for the domain meet.jitsi: anonymous users, rooms at muc.meet.jitsi, BOSH and websocket on one port. */
export async function startProsody(): Promise<LocalServer> {
  const folder = mkdtempSync(join(tmpdir(), "prosody-"));
  const port = await freePort();
  const config = join(folder, "prosody.cfg.lua");
  writeFileSync(
    config,
    `pidfile = "${folder}/prosody.pid"
data_path = "${folder}"
log = { info = "*console" }
plugin_paths = { "${join(__dirname, "../../standins/images/prosody/prosody-plugins")}" }
modules_enabled = { "saslauth"; "disco"; "ping"; "bosh"; "websocket"; "smacks" }
modules_disabled = { "s2s" }
smacks_hibernation_time = 60
storage = "memory"
c2s_ports = {}
s2s_ports = {}
https_ports = {}
http_ports = { ${port} }
http_interfaces = { "127.0.0.1" }
http_default_host = "meet.jitsi"
consider_bosh_secure = true
consider_websocket_secure = true
VirtualHost "meet.jitsi"
  authentication = "jitsi-anonymous"
Component "muc.meet.jitsi" "muc"
  muc_room_locking = false
  muc_room_default_public_jids = true
`,
  );
  return startServer("prosody", ["-F", "--config", config], port, folder);
}

/**
 * HAProxy with TLS (a certificate it signed itself) in front of a server, marking answers as that shard's.
 * @param at where it listens; default a free port of 127.0.0.1
 */
export async function startEdge(
  backendPort: number,
  shard: string,
  at?: { address: string; port: number },
): Promise<LocalServer> {
  const folder = mkdtempSync(join(tmpdir(), "edge-"));
  const { address, port } = at ?? { address: "127.0.0.1", port: await freePort() };
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const subject = [
    "-subj",
    "/CN=meet.example.org",
    "-addext",
    "subjectAltName=DNS:meet.example.org",
    "-days",
    "1",
  ];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", ["req", "-x509", ...newKey, "-keyout", key, "-out", certificate, ...subject], {
    stdio: "ignore",
  });
  const bundle = join(folder, "bundle.pem");
  writeFileSync(bundle, readFileSync(certificate, "utf8") + readFileSync(key, "utf8"));
  const config = join(folder, "haproxy.cfg");
  writeFileSync(
    config,
    `global
  maxconn 1000
defaults
  mode http
  timeout connect 5s
  timeout client 70s
  timeout server 70s
  timeout tunnel 1h
frontend edge
  bind ${address}:${port} ssl crt ${bundle}
  http-request return status 404 content-type text/plain string "no such tenant" if { path_beg /nowhere/ }
  http-request replace-path ^/[^/]+/(http-bind|xmpp-websocket)$ /\\1
  http-after-response set-header x-jitsi-shard ${shard}
  default_backend shard
backend shard
  server s1 127.0.0.1:${backendPort}
`,
  );
  return startServer("haproxy", ["-db", "-f", config], port, folder, address);
}

async function startServer(
  program: string,
  args: string[],
  port: number,
  folder: string,
  address = "127.0.0.1",
): Promise<LocalServer> {
  const user = unprivilegedUser();
  if (user !== undefined) giveTo(user, folder);
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
    ...user,
  });
  let output = "";
  const collect = (text: Buffer): void => {
    output = (output + text.toString()).slice(-4000);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  child.on("error", (error) => (output += error.message));
  const server = {
    port,
    signal: (name: NodeJS.Signals): void => void child.kill(name),
    stop: async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
      await endProcess(child, signal);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (const giveUpAt = Date.now() + READY_SECONDS * 1000; !(await accepts(address, port));) {
    if (Date.now() < giveUpAt && child.exitCode === null && child.pid !== undefined) continue;
    await server.stop();
    throw new Error(`${program} does not listen on port ${port}: ${output}`);
  }
  return server;
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill(signal);
  const giveUp = setTimeout(() => child.kill("SIGKILL"), STOP_SECONDS * 1000);
  await ended;
  clearTimeout(giveUp);
}

/** Prosody refuses to run as root, and HAProxy has no need to. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  return process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined;
}

function giveTo(user: { uid: number; gid: number }, folder: string): void {
  chmodSync(folder, 0o700);
  chownSync(folder, user.uid, user.gid);
  execFileSync("chown", ["-R", `${user.uid}:${user.gid}`, folder]);
}

/** Whether a connection is accepted; when not, after a short pause. */
async function accepts(address: string, port: number): Promise<boolean> {
  const socket = createConnection(port, address);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return false;
  } finally {
    socket.destroy();
  }
}
