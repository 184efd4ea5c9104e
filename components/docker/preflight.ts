import {
  objectionsTo,
  renamed,
  straysIn,
  withStrays,
  type After,
  type Before,
  type Scope,
} from "../guard/objections";
import type { Objection, Refusals } from "../guard/refusals";
import type { State } from "../guard/state";
import { valueOf } from "../guard/values";
import type { Platform } from "../platform";
import type { DockerFleetSettings, DockerHostSpec } from "../settings";
import { shardsByState } from "../shardPlan";
import { dockerAddress, hostOf, instanceHosts } from "./addresses";
import { dockerBefore, type DockerBefore } from "./before";
import type { Connection } from "./connection";
import { shardRevision } from "./files";
import { dockerWords, Guard } from "./guard";
import { DockerMeasure, engineAt } from "./measure";
import { inventoriesOf, Mending, type Inventory } from "./mending";
import { DockerPlatform } from "./platform";

/**
 * Looks at what an update would do to the fleet that the state has. Throws where it would cut a call, before anything is
 * declared; returns where to declare.
 */
export async function dockerPreflight(
  settings: DockerFleetSettings,
  stack: string,
  state: State,
  refusals: Refusals,
  scope: Scope,
): Promise<Platform> {
  const before = dockerBefore(state);
  const known = settings.docker.hosts.filter(({ name }) => before.places.has(name));
  const [after, moved, inventories] = await Promise.all([
    afterOf(settings, before, state),
    Promise.all(known.map((host) => whatMoved(host, before))),
    inventoriesOf(known),
  ]);
  const there = shardsOn(inventories, before);
  const strays = straysIn([...there.keys()], settings, before, scope);
  const found = withStrays(before, new Map(strays.map((name) => [name, there.get(name) ?? ""])));
  const objections = await objectionsTo(found, after, new DockerMeasure(found), dockerWords, scope);
  refusals.refuse([...renamed(stack, before.stack, "the hosts"), ...moved.flat(), ...objections]);
  return new DockerPlatform(settings, stack, {
    guard: new Guard(stack, settings, before, refusals),
    mending: new Mending(state, inventories),
  });
}

/** Where each shard of the fleet runs that was seen on the hosts. */
function shardsOn(inventories: ReadonlyMap<string, Inventory>, { stack }: DockerBefore): Map<string, string> {
  return new Map(
    [...inventories].flatMap(([place, { shards }]) =>
      shards.flatMap((shard) => (shard.stack === stack ? [[shard.name, place] as const] : [])),
    ),
  );
}

/** What the settings make of what may carry calls. */
async function afterOf(settings: DockerFleetSettings, before: Before, state: State): Promise<After> {
  const { tags } = settings;
  const shards = shardsByState(settings, before, state, (shard) =>
    dockerAddress(settings, "shard", shard),
  ).map(async ({ containers, shard: { name, place, state: wanted } }) => {
    const { privateAddress } = hostOf(settings, place);
    const revision = await valueOf(shardRevision(containers, { tags, privateAddress }));
    const revisions = Object.fromEntries(containers.map((spec) => [spec.name, revision]));
    return [name, { place, state: wanted, revisions }] as const;
  });
  return {
    shards: new Map(await Promise.all(shards)),
    instances: instanceHosts(settings).map(({ name }) => name),
  };
}

/** A host whose address leads elsewhere: what runs at the former one would be forgotten, and made anew at the other. */
async function whatMoved(host: DockerHostSpec, before: DockerBefore): Promise<Objection[]> {
  const former = before.places.get(host.name);
  if (!former || former.address === host.address) return [];
  const [is, was] = await Promise.all([engineAt(host), engineAt(former)]);
  if (is === undefined || is === was) return [];
  return [elsewhere(host, former, was === undefined)];
}

const elsewhere = ({ address, name }: DockerHostSpec, former: Connection, isSilent: boolean): Objection => ({
  about: `host ${name}`,
  ...(isSilent ? {} : { weight: "never" }),
  reason:
    `${address} is not the Docker engine that host ${name} has its containers on, which was reached at ${former.address}` +
    (isSilent ? " and does not answer there: whether calls are on it is not known" : " and answers there"),
  remedy: `Set the address of ${name} back (docker.hosts[].address); another host has another name`,
});
