import { spawn } from "node:child_process";
import http from "node:http";
import { Duplex } from "node:stream";
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
 * Options of ssh that take the declared host key and no other, without a file of known hosts. The connection is
 * kept for a minute, since the plug-in opens one a call.
 */
function sshOptions(hostKey: string): string[] {
  return [
    "BatchMode=yes",
    "ConnectTimeout=10",
    "StrictHostKeyChecking=yes",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    `KnownHostsCommand=/bin/echo %H ${hostKey}`,
    "ControlMaster=auto",
    "ControlPath=~/.ssh/jitsi-fleet-%C",
    "ControlPersist=60",
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
        host: url.hostname,
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
    const destination = `${this.url.username}@${this.url.hostname}`;
    const port = this.url.port === "" ? [] : ["-p", this.url.port];
    const argv = [...sshOptions(this.hostKey), ...port, destination, "docker", "system", "dial-stdio"];
    const child = spawn("ssh", argv, { stdio: ["pipe", "pipe", "inherit"] });
    return Duplex.from({ readable: child.stdout, writable: child.stdin });
  }
}
