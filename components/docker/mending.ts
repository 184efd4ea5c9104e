import { labels } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import type { State } from "../guard/state";
import type { DockerHostSpec } from "../settings";
import { dockerClient } from "./connection";
import { labelsOf } from "./subject";

const LIMIT_SECONDS = 20;

/** What is on a host, whoever made it. */
export interface Inventory {
  readonly containers: ReadonlySet<string>;
  /** Those of them that run. */
  readonly running: ReadonlySet<string>;
  readonly networks: ReadonlySet<string>;
  /** With their labels. */
  readonly volumes: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Those whose containers run: one for each container. */
  readonly shards: readonly { readonly stack: string; readonly name: string }[];
}

/** A thing on a host, and the resource that it is. */
export interface Thing {
  readonly resource: string;
  readonly place: string;
  /** Its name on the host. */
  readonly name: string;
}

/**
 * What the state has and a host has not: containers, networks and volumes that were lost, as on a host that was
 * reinstalled. Pulumi goes by the state, and Docker calls a volume that was made anew what the lost one was called, so
 * that nothing would see a difference. So each has a number, in a label and among the triggers of what fills a volume: how
 * often it was lost.
 */
export class Mending {
  private readonly lost = new Set<string>();

  constructor(
    private readonly state: State,
    private readonly inventories: ReadonlyMap<string, Inventory>,
  ) {}

  /** A container's number. Another one has it made anew. */
  container(thing: Thing): number {
    return this.numberOf(thing, "docker:index/container:Container", ({ containers }) => containers);
  }

  network(thing: Thing): number {
    return this.numberOf(thing, "docker:index/network:Network", ({ networks }) => networks);
  }

  /**
   * @param user the container that has the volume, by its name on the host: while it runs the volume is not touched
   * @param filling the command that fills it: it has filled the one of its own number
   */
  volume(thing: Thing, user?: string, filling?: string): number {
    const type = "docker:index/volume:Volume";
    const before = this.numberInState(thing.resource, type);
    const filled = filling === undefined ? undefined : this.numberOfCommand(filling);
    // A refresh has found that it is lost.
    if (before === undefined) return filled === undefined ? 0 : filled + 1;
    const here = this.inventories.get(thing.place);
    if (!here || (user !== undefined && here.running.has(user))) return before;
    const there = here.volumes.get(thing.name);
    // One without our labels Docker made by itself, or somebody by hand: it is empty.
    const isFilled = there !== undefined && labels.stack in there && madeIn(there) === before;
    return (filling === undefined ? there !== undefined : isFilled)
      ? before
      : this.another(thing, Math.max(before, filled ?? 0));
  }

  /** Whether the update makes it anew since it was lost. */
  isLost({ resource }: Pick<Thing, "resource">): boolean {
    return this.lost.has(resource);
  }

  /** Tells what is made anew, once all is declared. */
  tell(): void {
    if (this.lost.size > 0)
      void pulumi.log.warn(
        `Lost on the hosts, and made anew: ${[...this.lost].sort().join(", ")}. Nothing else is touched for it.`,
      );
  }

  private numberOf(thing: Thing, type: string, there: (here: Inventory) => ReadonlySet<string>): number {
    const before = this.numberInState(thing.resource, type);
    const here = this.inventories.get(thing.place);
    if (before === undefined) return 0;
    return !here || there(here).has(thing.name) ? before : this.another(thing, before);
  }

  private another({ resource }: Thing, before: number): number {
    this.lost.add(resource);
    return before + 1;
  }

  private numberInState(resource: string, type: string): number | undefined {
    const found = this.state.ofType(type).find(({ name }) => name === resource);
    return found && madeIn(labelsOf(found.outputs));
  }

  private numberOfCommand(resource: string): number | undefined {
    const found = this.state.ofType("command:local:Command").find(({ name }) => name === resource);
    return found && (triggersSchema.safeParse(found.outputs).data?.triggers[1] ?? 0);
  }
}

const triggersSchema = z.object({ triggers: z.tuple([z.string(), z.number()]) });

const madeIn = (of: Readonly<Record<string, string>>): number => Number(of[labels.made] ?? 0);

/** The label of a number; none for what was never lost. */
export const madeLabel = (number: number): Readonly<Record<string, string>> =>
  number === 0 ? {} : { [labels.made]: String(number) };

/** What triggers the command that fills a volume: that another one is there. */
export const fillTriggers = (
  volume: { readonly id: pulumi.Input<string> },
  number: number,
): pulumi.Input<string | number>[] => [volume.id, ...(number === 0 ? [] : [number])];

/** What is on the hosts, by their names. One that does not answer is left out: of it nothing is known to be lost. */
export async function inventoriesOf(hosts: readonly DockerHostSpec[]): Promise<Map<string, Inventory>> {
  const found = await Promise.all(
    hosts.map(async (host): Promise<[string, Inventory][]> => {
      try {
        return [[host.name, await inventoryOf(host)]];
      } catch {
        return [];
      }
    }),
  );
  return new Map(found.flat());
}

async function inventoryOf(host: DockerHostSpec): Promise<Inventory> {
  const client = dockerClient(host, LIMIT_SECONDS);
  const [containers, networks, listed] = await Promise.all([
    client.listContainers({ all: true }),
    client.listNetworks(),
    client.listVolumes(),
  ]);
  // Docker has null where there is none, which its types do not say.
  const { Volumes: volumes } = listed as {
    readonly Volumes: readonly { Name: string; Labels: Record<string, string> | null }[] | null;
  };
  const namesOf = (some: typeof containers): Set<string> =>
    new Set(some.flatMap(({ Names }) => Names.map((name) => name.slice(1))));
  const running = containers.filter(({ State }) => State === "running");
  return {
    containers: namesOf(containers),
    running: namesOf(running),
    shards: running
      .filter(({ Labels }) => Labels[labels.role] === "shard")
      .map(({ Labels }) => ({ stack: Labels[labels.stack] ?? "", name: Labels[labels.node] ?? "" })),
    networks: new Set(networks.map(({ Name }) => Name)),
    volumes: new Map((volumes ?? []).map(({ Labels, Name }) => [Name, Labels ?? {}])),
  };
}
