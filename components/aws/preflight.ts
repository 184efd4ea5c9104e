import { bridgePoolOf } from "@jitsi-fleet/scaler";
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
import type { AwsFleetSettings } from "../settings";
import { JIBRI_POOL, shardsByState } from "../shardPlan";
import { awsBefore, type AwsBefore } from "./before";
import { placeByState, readFleetStatus } from "./fleetStatus";
import { Guard } from "./guard";
import { AwsMeasure, awsWords } from "./measure";
import { awsAddress } from "./nodeAddresses";
import { AwsPlatform } from "./platform";
import { shardRevision } from "./revision";

/**
 * Looks at what an update would do to the fleet that the state has. Throws where it would cut a call, before anything is
 * declared; returns where to declare.
 */
export async function awsPreflight(
  settings: AwsFleetSettings,
  stack: string,
  state: State,
  refusals: Refusals,
  scope: Scope,
): Promise<Platform> {
  const before = awsBefore(state);
  const place = placeByState(before, settings);
  const read = () => (place ? readFleetStatus(place) : Promise.resolve("never up" as const));
  const measure = new AwsMeasure(read);
  const [after, served] = await Promise.all([afterOf(settings, before, state), measure.served()]);
  const strays = straysIn(served, settings, before, scope).map((name) => [name, ""] as const);
  const objections = await objectionsTo(withStrays(before, new Map(strays)), after, measure, awsWords, scope);
  refusals.refuse([...renamed(stack, before.stack, "AWS"), ...moved(settings, before), ...objections]);
  return new AwsPlatform(settings, stack, new Guard(stack, settings, before, new AwsMeasure(read), refusals));
}

/** What the settings make of what may carry calls. */
async function afterOf(settings: AwsFleetSettings, before: Before, state: State): Promise<After> {
  const shards = shardsByState(settings, before, state, (shard) => awsAddress(settings, "shard", shard)).map(
    async ({ containers, shard: { name, state: wanted } }) => {
      const address = awsAddress(settings, "shard", name);
      const machine = await valueOf(shardRevision(settings, address, containers));
      // Its zone is part of what it is made of.
      return [name, { place: "", state: wanted, revisions: { machine } }] as const;
    },
  );
  return {
    shards: new Map(await Promise.all(shards)),
    instances: [JIBRI_POOL, ...settings.shards.map(({ name }) => bridgePoolOf(name))],
  };
}

/** Nothing of a fleet can be moved to another region: there nothing would be found. */
function moved({ aws }: AwsFleetSettings, { region }: AwsBefore): Objection[] {
  if (region === undefined || region === aws.region) return [];
  return [
    {
      about: "region",
      weight: "never",
      reason: `aws.region is ${aws.region}, and the fleet runs in ${region}`,
      remedy: `Set it back: pulumi config set --path aws.region ${region}. A fleet in another region is another stack`,
    },
  ];
}
