import { spawn, type ChildProcessByStdio } from "node:child_process";
import http from "node:http";
import { Duplex, type Readable, type Writable } from "node:stream";
import type { ProviderArgs } from "@pulumi/docker";
import Docker from "dockerode";

/** What it takes to reach a host's Docker engine. */
export interface Connection {
  readonly address: string;
  readonly hostKey?: string | undefined;
  readonly tls?:
    { readonly ca: string; readonly certificate: string; readonly privateKey: string } | undefined;
}

/**
 * Options of ssh that take the declared host key and no other, without a file of known hosts. No connection is kept
 * and shared here: it would answer for a host that shows another key. Who wants that has ControlMaster in ~/.ssh/config.
 */
function sshOptions(hostKey: string): string[] {
  return [
    "BatchMode=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    "StrictHostKeyChecking=yes",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    `KnownHostsCommand=/bin/echo %H ${hostKey}`,
  ].flatMap((option) => ["-o", option]);
}

/** What `@pulumi/docker` needs to reach the host. */
export function providerArgs({ address, hostKey, tls }: Connection): ProviderArgs {
  return {
    host: address,
    ...(hostKey === undefined ? {} : { sshOpts: sshOptions(hostKey) }),
    ...(tls === undefined
      ? {}
      : { caMaterial: tls.ca, certMaterial: tls.certificate, keyMaterial: tls.privateKey }),
  };
}

/** A client of the host's Docker engine. No call of it takes longer than `timeoutSeconds`. */
export function dockerClient(connection: Connection, timeoutSeconds: number): Docker {
  const { address, hostKey, tls } = connection;
  const timeout = timeoutSeconds * 1000;
  const url = new URL(address);
  switch (url.protocol) {
    case "unix:":
      return new Docker({ socketPath: url.pathname, timeout });
    case "tcp:":
      return new Docker({
        protocol: "https",
        host: hostOf(url),
        port: url.port,
        timeout,
        ...(tls === undefined ? {} : { ca: tls.ca, cert: tls.certificate, key: tls.privateKey }),
      });
    case "ssh:":
      return overAgent(new SshAgent(url, hostKey ?? ""), timeout);
    default:
      throw new Error(`${address} is no address of a Docker engine`);
  }
}

/** As ssh and Node take it: an IPv6 address has brackets in URLs alone. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, "$1");

/** docker-modem takes an agent; its types do not say so. */
function overAgent(agent: http.Agent, timeout: number): Docker {
  const options: Docker.DockerOptions & { agent: http.Agent } = {
    protocol: "http",
    host: "docker",
    port: 80,
    timeout,
    agent,
  };
  return new Docker(options);
}

/** Speaks to the engine through the system's ssh, so that its agent, keys and configuration apply. */
class SshAgent extends http.Agent {
  constructor(
    private readonly url: URL,
    private readonly hostKey: string,
  ) {
    super();
  }

  override createConnection(): Duplex {
    const destination = `${this.url.username}@${hostOf(this.url)}`;
    const port = this.url.port === "" ? [] : ["-p", this.url.port];
    const argv = [...sshOptions(this.hostKey), ...port, destination, "docker", "system", "dial-stdio"];
    return new ProcessSocket(spawn("ssh", argv, { stdio: ["pipe", "pipe", "pipe"] }));
  }
}

/**
 * A process as the socket that node:http expects. ssh sees to time limits itself; what it says on its way out is the
 * reason that the caller gets.
 */
class ProcessSocket extends Duplex {
  constructor(private readonly child: ChildProcessByStdio<Writable, Readable, Readable>) {
    super();
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-1000)));
    child.stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    // A write to a process that has ended; its end says why.
    child.stdin.on("error", () => undefined);
    child.on("error", (error) => this.destroy(error));
    child.on("close", (code) => {
      if (code === 0) this.push(null);
      else this.destroy(new Error(`ssh ended with code ${code ?? "none"}: ${said.trim()}`));
    });
  }

  override _read(): void {
    this.child.stdout.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: () => void): void {
    this.child.stdin.write(chunk, encoding, () => done());
  }

  override _final(done: () => void): void {
    this.child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.child.kill();
    done(error);
  }

  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
