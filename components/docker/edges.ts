import { dockerName } from "@jitsi-fleet/scaler";
import { setTimeout as sleep } from "node:timers/promises";
import { PROGRAM_FILE } from "../platform";
import type { DockerFleetSettings, DockerHostSpec } from "../settings";
import { dockerClient } from "./connection";
import { runInContainer } from "@jitsi-fleet/scaler/engine/exec";
import { edgeName } from "./ports";

const ASK_LIMIT_SECONDS = 20;
/** From a node's stop until it serves again: an image may have to be pulled. */
const BACK_LIMIT_SECONDS = 300;
const PAUSE_SECONDS = 1;

/** The containers through which users reach a node. Its keeper may go at any time. */
const REACHED = ["haproxy", "keepalived"];

/** The hosts that have a node of the edge. */
export const edgeHosts = ({ docker }: DockerFleetSettings): readonly DockerHostSpec[] =>
  docker.hosts.filter(({ roles }) => roles.includes("edge"));

/** What the keeper of the edge's node on a host prints at a word. Throws where it does not answer, or refuses. */
export async function askKeeper(stack: string, host: DockerHostSpec, word: "shards"): Promise<string> {
  const name = dockerName(stack, edgeName(host.name), "keeper");
  const keeper = dockerClient(host, ASK_LIMIT_SECONDS).getContainer(name);
  const { exitCode, output } = await runInContainer(keeper, ["node", PROGRAM_FILE, word]);
  if (exitCode !== 0) throw new Error(output.trim());
  return output;
}

/** The nodes of the edge as an update finds them, asked on their hosts. */
export class Edges {
  /** The node that was let go last in this update, and its containers that went. */
  private gone: { readonly host: DockerHostSpec; readonly ids: Map<string, string> } | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly stack: string,
    private readonly settings: DockerFleetSettings,
  ) {}

  /** Lets what users reach go one node after another: waits until the one before is back. Throws where it does not come. */
  untilItsTurn(place: string, container: string): Promise<void> {
    const host = this.hosts.find(({ name }) => name === place);
    // A node that leaves the edge does not come back.
    if (!host || !REACHED.map((name) => this.container(host, name)).includes(container))
      return Promise.resolve();
    const mine = this.turn.then(() => this.letGo(host, container));
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  private async letGo(host: DockerHostSpec, container: string): Promise<void> {
    if (this.gone && this.gone.host.name !== host.name) {
      await this.untilBack(this.gone);
      this.gone = undefined;
    }
    const inspection = await dockerClient(host, ASK_LIMIT_SECONDS)
      .getContainer(container)
      .inspect()
      .catch(() => undefined);
    if (!inspection) return;
    this.gone ??= { host, ids: new Map() };
    this.gone.ids.set(container, inspection.Id);
  }

  private async untilBack({ host, ids }: NonNullable<Edges["gone"]>): Promise<void> {
    const limit = Date.now() + BACK_LIMIT_SECONDS * 1000;
    const docker = dockerClient(host, ASK_LIMIT_SECONDS);
    for (;;) {
      const isBack = await this.isBack(docker, host, ids).catch(() => false);
      if (isBack) return;
      if (Date.now() > limit)
        throw new Error(
          `${edgeName(host.name)} did not come back within ${BACK_LIMIT_SECONDS} s: the other nodes of the edge stay as they are`,
        );
      await sleep(PAUSE_SECONDS * 1000);
    }
  }

  private async isBack(
    docker: ReturnType<typeof dockerClient>,
    host: DockerHostSpec,
    ids: ReadonlyMap<string, string>,
  ): Promise<boolean> {
    for (const [name, before] of ids) {
      const { Id, State } = await docker.getContainer(name).inspect();
      if (Id === before || !State.Running) return false;
    }
    const keeper = docker.getContainer(this.container(host, "keeper"));
    return (await runInContainer(keeper, ["node", PROGRAM_FILE, "settled"])).exitCode === 0;
  }

  private get hosts(): readonly DockerHostSpec[] {
    return edgeHosts(this.settings);
  }

  private container(host: DockerHostSpec, name: string): string {
    return dockerName(this.stack, edgeName(host.name), name);
  }
}
