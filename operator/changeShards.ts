import { parseSettings, type Settings } from "../components/settings";
import type { Asked } from "./arguments";
import { askEdges } from "./edges";
import type { Pulumi } from "./pulumi";
import { givenShards, indexOfShard, writeShards, type GivenShards } from "./shardSetting";
import type { Stack } from "./stack";
import { statusOf } from "./status";
import { whatKeeps } from "./waiting";

type Place = Extract<Asked, { what: "add" }>["place"];
type Change = Extract<Asked, { what: "add" | "upgrade" | "remove" }>;

/**
 * Writes what `shards` is to be into the stack's settings, for the next `pulumi up`. Throws where the settings would be
 * wrong, and where that update would be refused since the shard is not drained and empty; nothing is changed then.
 */
export async function changeShards(
  pulumi: Pulumi,
  stack: Stack,
  asked: Change,
  say: (line: string) => void,
): Promise<void> {
  const before = givenShards(stack.given);
  const after = shardsAfter(
    before,
    asked.what === "add" ? { ...asked, place: placeFor(stack.settings, asked.place) } : asked,
  );
  parseSettings({ ...stack.given, shards: after }, stack.name);
  if (asked.what !== "add") await mustBeEmpty(pulumi, stack, asked.shard);
  await writeShards(pulumi, stack, after);
  say(`${told(asked)}. Bring it in force: pulumi up`);
}

/** `shards` as they are asked to be. Throws where there is no such shard, or there is one already. */
export function shardsAfter(before: GivenShards, asked: Change): GivenShards {
  const { shard } = asked;
  if (asked.what === "add") {
    if (before.some(({ name }) => name === shard)) throw new Error(`There is a shard ${shard} already`);
    return [...before, { name: shard, ...asked.place }];
  }
  const index = indexOfShard(before, shard);
  if (asked.what === "remove") return before.filter((_, at) => at !== index);
  return before.map((given, at) => (at === index ? { ...given, release: asked.release } : given));
}

/** Where a new shard runs: as asked, else on the Docker host with the fewest shards where there are several for them. */
export function placeFor(settings: Settings, asked: Place): Place {
  if (settings.platform === "aws" || Object.keys(asked).length > 0) return asked;
  const hosts = settings.docker.hosts.filter(({ drained, roles }) => roles.includes("shard") && !drained);
  const shardsOn = (host: string): number => settings.shards.filter(({ place }) => place === host).length;
  const [first, second] = hosts.map(({ name }) => name).sort((a, b) => shardsOn(a) - shardsOn(b));
  return first === undefined || second === undefined ? asked : { host: first };
}

function told(asked: Change): string {
  const { shard } = asked;
  if (asked.what === "add") return `${shard} is in the settings`;
  if (asked.what === "remove") return `${shard} is out of the settings`;
  return `${shard} is to have release ${asked.release}; after the update it takes rooms with npm run shard -- ready ${shard}`;
}

/** Throws unless nothing of the shard is up, or it takes no new room and holds none. Unknown is not empty. */
async function mustBeEmpty(pulumi: Pulumi, stack: Stack, shard: string): Promise<void> {
  if (stack.settings.allowCutCalls || !(await isUp(pulumi, shard))) return;
  const status = statusOf(stack.settings, await askEdges(stack)).find(({ name }) => name === shard);
  const why = status ? whatKeeps(status) : "nobody tells of it";
  if (why !== undefined)
    throw new Error(
      `${shard} is not drained and empty: ${why}. Drain it first: npm run shard -- drain ${shard} --wait`,
    );
}

/** Whether the stack's state has the shard. */
async function isUp(pulumi: Pulumi, shard: string): Promise<boolean> {
  const printed = await pulumi.read(["stack", "--show-urns"]);
  return printed.split(/\s+/).some((word) => word.endsWith(`::jitsi-fleet:index:Shard::${shard}`));
}
