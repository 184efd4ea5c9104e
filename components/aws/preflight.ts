import { bridgePoolOf } from "@jitsi-fleet/scaler";
import type * as pulumi from "@pulumi/pulumi";
import { objectionsTo, straysIn, withStrays, type After, type Before, type Scope } from "../guard/objections";
import type { Objection, Refusals } from "../guard/refusals";
import type { State } from "../guard/state";
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
  refusals.refuse([...moved(settings, stack, before), ...objections]);
  return new AwsPlatform(settings, stack, new Guard(stack, settings, before, new AwsMeasure(read), refusals));
}

/** What the settings make of what may carry calls. */
async function afterOf(settings: AwsFleetSettings, before: Before, state: State): Promise<After> {
  const shards = shardsByState(settings, before, state, (shard) => awsAddress(settings, "shard", shard)).map(
    async ({ containers, shard: { name, state: wanted } }) => {
      const address = awsAddress(settings, "shard", name);
      const machine = await known(shardRevision(settings, address, containers));
      // Its zone is part of what it is made of.
      return [name, { place: "", state: wanted, revisions: { machine } }] as const;
    },
  );
  return {
    shards: new Map(await Promise.all(shards)),
    instances: [JIBRI_POOL, ...settings.shards.map(({ name }) => bridgePoolOf(name))],
  };
}

/** What is known without the engine. */
const known = (value: pulumi.Output<string>): Promise<string> =>
  new Promise((resolve) => {
    value.apply(resolve);
  });

/** Nothing of a fleet can be renamed or moved to another region: under other names, or there, nothing would be found. */
function moved({ aws }: AwsFleetSettings, stack: string, before: AwsBefore): Objection[] {
  const { region, stack: former } = before;
  const isRenamed = former !== undefined && former !== stack;
  const isElsewhere = region !== undefined && region !== aws.region;
  return [
    ...(isRenamed
      ? [
          {
            about: "stack",
            weight: "never" as const,
            reason: `What runs on AWS is called ${former}, and the stack is now ${stack}`,
            remedy: `Call it ${former} again: pulumi stack rename ${former}. A fleet of another name is another stack`,
          },
        ]
      : []),
    ...(isElsewhere
      ? [
          {
            about: "region",
            weight: "never" as const,
            reason: `aws.region is ${aws.region}, and the fleet runs in ${region}`,
            remedy: `Set it back: pulumi config set --path aws.region ${region}. A fleet in another region is another stack`,
          },
        ]
      : []),
  ];
}
