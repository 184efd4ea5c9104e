import type { ShardState } from "@jitsi-fleet/scaler";
import { STATES_ONLY_VARIABLE } from "../components/preflight";
import { parseSettings } from "../components/settings";
import { PulumiError, type Pulumi } from "./pulumi";
import { givenShards, indexOfShard, orUndo, withState, writeShards } from "./shardSetting";
import type { Stack } from "./stack";
import { awsChange } from "./awsTargets";
import { dockerChange } from "./dockerTargets";
import { faultsOfPreview, previewSchema, targetsOf, type Preview } from "./targets";

/**
 * Sets a shard's state in the stack's settings and brings that alone in force. Throws where it is refused or fails; the
 * setting is as it was then.
 */
export async function setShard(
  pulumi: Pulumi,
  stack: Stack,
  shard: string,
  state: ShardState,
  say: (line: string) => void,
): Promise<void> {
  const shards = givenShards(stack.given);
  const index = indexOfShard(shards, shard);
  const was = stack.settings.shards[index]?.state;
  if (state === "maint" && was === "ready")
    throw new Error(`${shard} is in ready: drain it first, with npm run shard -- drain ${shard} --wait`);
  const after = withState(shards, index, state);
  parseSettings({ ...stack.given, shards: after }, stack.name);

  const change = was === state ? undefined : await writeShards(pulumi, stack, after);
  const undo = async (): Promise<void> => {
    await change?.undo();
    say(`shards[${index}].state is ${was ?? "as it was"}${change ? " again" : " still"}.`);
  };
  await orUndo(undo, () => bringInForce(pulumi, stack, shard, state, say));
}

async function bringInForce(
  pulumi: Pulumi,
  { settings }: Stack,
  shard: string,
  state: ShardState,
  say: (line: string) => void,
): Promise<void> {
  say(`Looking at what is to be done for ${shard} …`);
  const change = (settings.platform === "aws" ? awsChange : dockerChange)(shard, state);
  const ofStates = pulumi.with({ [STATES_ONLY_VARIABLE]: "1" });
  for (const targets of await targetsOf(await previewOf(ofStates, change.patterns), shard, change)) {
    const code = await ofStates.show(["up", "--yes", "--skip-preview", ...asTargets(targets)]);
    if (code !== 0)
      throw new Error(`pulumi up ended with code ${code}. What is in force: npm run shard -- status`);
  }
}

async function previewOf(pulumi: Pulumi, patterns: readonly string[]): Promise<Preview> {
  try {
    const printed = await pulumi.read(["preview", "--json", ...asTargets(patterns)]);
    return previewSchema.parse(JSON.parse(printed));
  } catch (error) {
    if (!(error instanceof PulumiError) || !error.printed.startsWith("{")) throw error;
    const faults = faultsOfPreview(error.printed).join("\n");
    throw new Error(
      `${faults}\nWhere the edge waits for more than this, such as its first update, do that first: pulumi up`,
      { cause: error },
    );
  }
}

const asTargets = (urns: readonly string[]): string[] => urns.flatMap((urn) => ["--target", urn]);
