import { highestShard, poolRoom, zoneOfNumber, zoneRanges, type ZoneRanges } from "../aws/addresses";
import { REGISTRIES_BYTES, registriesValue } from "../aws/machine/registries";
import { MOST_TAGS, OWN_TAGS, TAG_CHARACTERS, unfitForTag } from "../aws/limits";
import type { AwsNetwork, AwsSettings } from "./awsSchema";
import { cronKey } from "./cron";
import { didYouMean } from "./didYouMean";
import { haproxyMemoryMiB } from "./edgeMemory";
import { duplicates, pathText, type Report } from "./faults";
import {
  instanceTypes,
  megabitsToInternet,
  MEGABITS_PER_PARTICIPANT,
  type Architecture,
} from "./instanceTypes";
import { isPrivate, overlap, parseRange } from "./ipv4Range";
import type { ParsedSettings, ShardSettings } from "./schema";
import { shardNumber } from "./shardNumber";

/** What is wrong with the settings of AWS, or with what is to run there. */
export function awsContradictions(settings: Partial<ParsedSettings>, aws: AwsSettings, fault: Report): void {
  checkZones(aws, fault);
  checkNetwork(aws, fault);
  if (settings.shards) checkShardZones(settings.shards, aws, fault);
  checkRoom(settings, aws, fault);
  checkInstanceTypes(aws, settings.bridges, fault);
  checkWarmPool(aws, fault);
  if (settings.images) checkRegistries(settings.images, fault);
  if (settings.tags) checkTags(settings.tags, fault);
  if (settings.bridges) checkSchedules(aws, settings.bridges, fault);
  checkFrontDoor(settings, aws, fault);
  checkEdge(settings, fault);
  if (settings.edge) checkRooms(settings.edge, aws, fault);
  checkRecordings(settings, aws, fault);
  if (settings.production === true) checkEndpoint(aws, fault);
}

/** Machines read them from one parameter of SSM. */
function checkRegistries({ registries }: ParsedSettings["images"], fault: Report): void {
  const bytes = Buffer.byteLength(registriesValue(registries));
  if (bytes > REGISTRIES_BYTES)
    fault(
      "images.registries",
      `take ${bytes} bytes, and a parameter of SSM holds ${REGISTRIES_BYTES}; take shorter tokens, or a mirror for all images`,
    );
}

function checkZones({ region, zones }: AwsSettings, fault: Report): void {
  zones.forEach((zone, index) => {
    if (zone.slice(0, -1) !== region)
      fault(
        `aws.zones[${index}]`,
        `"${zone}" is no zone of aws.region, ${region}; name one such as ${region}a`,
      );
  });
  for (const { index, first, key } of duplicates(zones, (zone) => zone))
    fault(`aws.zones[${index}]`, `"${key}" is aws.zones[${first}] already; name another zone`);
}

/** AWS takes no larger ranges. */
const SHORTEST = 16;
/** The longest prefixes, of the smallest ranges: an own network's; a subnet's for machines, for the load balancer. */
const OWN_LONGEST = 20;
const MACHINES_LONGEST = 26;
const LOAD_BALANCER_LONGEST = 28;

/** Docker's own network on a machine, and the one that the machine's containers stand in. */
const dockerRanges = ["172.17.0.0/16", "172.18.0.0/15"].flatMap((text) => parseRange(text) ?? []);

function checkNetwork({ ipv6, network, zones }: AwsSettings, fault: Report): void {
  if (network.type === "own") {
    checkRange("aws.network.range", network.range, OWN_LONGEST, fault);
    return;
  }
  if (ipv6)
    fault(
      "aws.ipv6",
      "is true, but aws.network.type is existing; set it to false, or take a network of type own",
    );
  network.subnets.forEach(({ range, use }, index) => {
    const longest = use === "machines" ? MACHINES_LONGEST : LOAD_BALANCER_LONGEST;
    checkRange(`aws.network.subnets[${index}].range`, range, longest, fault);
  });
  checkSubnets(network, zones, fault);
}

function checkRange(path: string, text: string, longest: number, fault: Report): void {
  const range = parseRange(text);
  if (!range) return;
  if (range.prefixLength < SHORTEST || range.prefixLength > longest)
    fault(
      path,
      `${text} is too ${range.prefixLength < SHORTEST ? "large" : "small"}; it must be of /${SHORTEST} to /${longest}`,
    );
  if (!isPrivate(range))
    fault(path, `${text} is not private; take one within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16`);
  if (dockerRanges.some((docker) => overlap(docker, range)))
    fault(
      path,
      `${text} overlaps 172.17.0.0 to 172.19.255.255, which is Docker's on each machine; take another`,
    );
}

function checkSubnets(
  { subnets }: Extract<AwsNetwork, { type: "existing" }>,
  zones: readonly string[],
  fault: Report,
): void {
  const at = "aws.network.subnets";
  for (const { index, first, key } of duplicates(subnets, ({ id }) => id))
    fault(`${at}[${index}].id`, `${key} is ${at}[${first}] already; name each once`);
  for (const { index, first } of duplicates(subnets, ({ use, zone }) => `${use} ${zone}`))
    fault(
      `${at}[${index}].zone`,
      `has ${at}[${first}] for the same use already; name one subnet of each use`,
    );
  const ranges = subnets.map(({ range }) => parseRange(range));
  ranges.forEach((range, index) => {
    const other = ranges.slice(0, index).findIndex((earlier) => range && earlier && overlap(range, earlier));
    if (other >= 0)
      fault(
        `${at}[${index}].range`,
        `${subnets[index]?.range ?? ""} overlaps ${at}[${other}]'s ${subnets[other]?.range ?? ""}; give each its own`,
      );
  });
  subnets.forEach(({ zone }, index) => {
    if (!zones.includes(zone))
      fault(`${at}[${index}].zone`, `"${zone}" is not in aws.zones; choose one of: ${zones.join(", ")}`);
  });
  const lacks = (use: string, wanted: readonly string[]): void => {
    const missing = wanted.filter((zone) => !subnets.some((has) => has.zone === zone && has.use === use));
    if (missing.length > 0) fault(at, `has none with use ${use} in ${missing.join(", ")}; name one in each`);
  };
  lacks("machines", zones);
  lacks("loadBalancer", zones.slice(0, 2));
}

function checkShardZones(shards: readonly ShardSettings[], aws: AwsSettings, fault: Report): void {
  shards.forEach(({ name, zone }, index) => {
    if (zone !== undefined && !aws.zones.includes(zone)) {
      fault(`shards[${index}].zone`, `"${zone}" is not in aws.zones; choose one of: ${aws.zones.join(", ")}`);
      return;
    }
    const number = shardNumber(name);
    const ranges = rangesOf(aws, zone ?? zoneOfNumber(aws, number));
    if (ranges && number > highestShard(ranges))
      fault(
        `shards[${index}].name`,
        `ends in ${number}, but its zone has addresses for shards to ${highestShard(ranges)} alone; take a lower number, or a larger range at aws.network`,
      );
  });
}

/** What there is in a zone, where the network's own faults let that be said. */
function rangesOf({ network }: AwsSettings, zone: string): ZoneRanges | undefined {
  const [texts, longest] =
    network.type === "own"
      ? [[network.range], OWN_LONGEST]
      : [network.subnets.map(({ range }) => range), LOAD_BALANCER_LONGEST];
  const areUsable = texts.every((text) => (parseRange(text)?.prefixLength ?? Infinity) <= longest);
  return areUsable ? zoneRanges(network, zone) : undefined;
}

/** A zone may be out: bridges and Jibris then stand in the others. */
function checkRoom(
  { shards, bridges, jibris }: Partial<ParsedSettings>,
  aws: AwsSettings,
  fault: Report,
): void {
  if (!shards || !bridges || !jibris) return;
  const rooms = aws.zones.flatMap((zone) => {
    const ranges = rangesOf(aws, zone);
    return ranges ? [poolRoom(ranges)] : [];
  });
  if (rooms.length < 2) return;
  const room = rooms.reduce((sum, one) => sum + one, 0) - Math.max(...rooms);
  const wanted = shards.length * (bridges.max + aws.bridges.warmPool) + jibris.max;
  if (wanted > room)
    fault(
      aws.network.type === "own" ? "aws.network.range" : "aws.network.subnets",
      `has addresses for ${room} bridges and Jibris while a zone is out, but bridges.max and jibris.max make ${wanted} for ${shards.length} shards; take a larger range or another zone, or lower them`,
    );
}

/**
 * What a role's machine must have: memory for all that its containers may take and 1 GiB for the system; no
 * processor that is slowed down where users would hear it.
 */
const needs = {
  edge: { memoryGiB: 4, mayBurst: false },
  shard: { memoryGiB: 5, mayBurst: false },
  scaler: { memoryGiB: 2, mayBurst: true },
  bridges: { memoryGiB: 4, mayBurst: false },
  jibris: { memoryGiB: 11, mayBurst: false },
} as const satisfies Record<keyof AwsSettings["instanceTypes"], object>;

function checkInstanceTypes(
  { image, instanceTypes: chosen }: AwsSettings,
  bridges: ParsedSettings["bridges"] | undefined,
  fault: Report,
): void {
  for (const role of Object.keys(needs) as (keyof typeof needs)[]) {
    const names = chosen[role];
    const megabits = role === "bridges" && bridges ? bridges.capacity * MEGABITS_PER_PARTICIPANT : 0;
    const suits = suitableTypes(role, image.architecture, megabits);
    const check = (name: string, path: string): void => {
      const wrong = faultOfType(name, role, image.architecture, megabits);
      if (wrong !== undefined) fault(path, `${name} ${wrong}; choose one of: ${choices(suits)}`);
    };
    if (typeof names === "string") check(names, `aws.instanceTypes.${role}`);
    else {
      names.forEach((name, index) => check(name, `aws.instanceTypes.${role}[${index}]`));
      for (const { index, key } of duplicates(names, (name) => name))
        fault(`aws.instanceTypes.${role}[${index}]`, `${key} is named already; name each once`);
    }
  }
}

/** What keeps a type from a role, or undefined. */
function faultOfType(
  name: string,
  role: keyof typeof needs,
  architecture: Architecture,
  megabits: number,
): string | undefined {
  const type = instanceTypes.get(name);
  if (!type) {
    const near = didYouMean(name, [...instanceTypes.keys()]);
    return `is no type that is known here${near === undefined ? "" : ` (did you mean ${near}?)`}`;
  }
  const { memoryGiB, mayBurst } = needs[role];
  if (type.architecture !== architecture)
    return `is ${type.architecture}, but aws.image.architecture is ${architecture}`;
  if (type.memoryGiB < memoryGiB) return `has ${type.memoryGiB} GiB of memory, and ${memoryGiB} are needed`;
  if (type.isBurstable && !mayBurst)
    return "is burstable: out of credits it is slowed down, in the midst of calls";
  if (megabitsToInternet(type) < megabits)
    return `sends ${megabitsToInternet(type)} Mbit/s for good, but bridges.capacity × ${MEGABITS_PER_PARTICIPANT} Mbit/s makes ${megabits} (or lower that)`;
  return undefined;
}

/** The smallest first. */
function suitableTypes(role: keyof typeof needs, architecture: Architecture, megabits: number): string[] {
  return [...instanceTypes]
    .filter(([name]) => faultOfType(name, role, architecture, megabits) === undefined)
    .sort(([, a], [, b]) => a.vcpus - b.vcpus || a.memoryGiB - b.memoryGiB)
    .map(([name]) => name);
}

const CHOICES_SHOWN = 8;

function choices(suits: readonly string[]): string {
  const more = suits.length - CHOICES_SHOWN;
  return suits.slice(0, CHOICES_SHOWN).join(", ") + (more > 0 ? ` or ${more} more` : "");
}

function checkWarmPool({ bridges, instanceTypes: chosen }: AwsSettings, fault: Report): void {
  if (bridges.warmPool === 0) return;
  const path = "aws.bridges.warmPool";
  if (bridges.spot)
    fault(
      path,
      `is ${bridges.warmPool}, but Spot instances cannot wait stopped; set it to 0, or aws.bridges.spot to false`,
    );
  if (chosen.bridges.length > 1)
    fault(
      path,
      `is ${bridges.warmPool}, but a pool of several instance types can have none that wait stopped; set it to 0, or name one type at aws.instanceTypes.bridges`,
    );
}

function checkTags(tags: ParsedSettings["tags"], fault: Report): void {
  const names = Object.keys(tags);
  const least = Object.values(MOST_TAGS).sort((a, b) => a.most - a.own - (b.most - b.own))[0];
  const over = least === undefined ? 0 : names.length - (least.most - least.own);
  if (least !== undefined && over > 0)
    fault(
      "tags",
      `has ${names.length}, but ${least.what} takes ${least.most} and has ${least.own} of the stack's own; leave ${over} out`,
    );
  names.forEach((name, index) => {
    const path = pathText(["tags", name]);
    const unfit = unfitForTag(tags[name] ?? "");
    if (unfit.length > 0)
      fault(path, `has ${unfit.map((sign) => `"${sign}"`).join(", ")}; AWS takes ${TAG_CHARACTERS}`);
    const isLike = (other: string): boolean => other.toLowerCase() === name.toLowerCase();
    const notInName = unfitForTag(name);
    if (notInName.length > 0)
      fault(
        path,
        `has ${notInName.map((sign) => `"${sign}"`).join(", ")} in its name; AWS takes ${TAG_CHARACTERS}`,
      );
    if (/^aws:/i.test(name)) fault(path, "begins with aws:, which AWS keeps to itself; name it otherwise");
    const own = OWN_TAGS.find(isLike);
    const earlier = names.slice(0, index).find(isLike);
    if (own === name) fault(path, "is the stack's own; name it otherwise");
    else if (own !== undefined)
      fault(
        path,
        `differs from ${own}, which the stack has, by case alone, and IAM takes one of them; name it otherwise`,
      );
    else if (earlier !== undefined)
      fault(path, `differs from ${earlier} by case alone, and IAM takes one of them; name it otherwise`);
  });
}

function checkSchedules({ schedules }: AwsSettings, bridges: ParsedSettings["bridges"], fault: Report): void {
  for (const { index, first, key } of duplicates(schedules, ({ name }) => name))
    fault(
      `aws.schedules[${index}].name`,
      `"${key}" is already the name of aws.schedules[${first}]; give another`,
    );
  for (const { index, first } of duplicates(schedules, ({ cron }) => cronKey(cron)))
    fault(
      `aws.schedules[${index}].cron`,
      `${schedules[index]?.cron ?? ""} is when aws.schedules[${first}] takes effect too; make them one`,
    );
  schedules.forEach(({ bridgesMin }, index) => {
    const path = `aws.schedules[${index}].bridgesMin`;
    if (bridgesMin > bridges.max)
      fault(path, `is ${bridgesMin}, above bridges.max (${bridges.max}); lower it, or raise bridges.max`);
    if (bridgesMin < bridges.min)
      fault(
        path,
        `is ${bridgesMin}, below bridges.min (${bridges.min}), which always holds; raise it, or lower bridges.min`,
      );
  });
}

function checkFrontDoor(
  { tls, turn }: Partial<ParsedSettings>,
  { frontDoor, region }: AwsSettings,
  fault: Report,
): void {
  if (turn && turn.type !== "none")
    fault("turn.type", `is ${turn.type}, which platform aws does not offer yet; set it to none`);
  if (frontDoor.certificate !== "acm") return;
  const { certificateArn, zoneId } = frontDoor;
  const regionOfArn = certificateArn?.split(":")[3];
  if (regionOfArn !== undefined && regionOfArn !== region)
    fault(
      "aws.frontDoor.certificateArn",
      `is of region ${regionOfArn}, and a load balancer takes one of its own region alone; give one of ${region}`,
    );
  if (certificateArn === undefined && zoneId === undefined)
    fault(
      "aws.frontDoor.zoneId",
      "is missing: a new certificate is validated by a record in Route 53; give the domain's hosted zone, or certificateArn",
    );
  if (tls && tls.mode !== "self-signed")
    fault(
      "tls.mode",
      `is ${tls.mode}, but aws.frontDoor.certificate is acm, so that no user sees it; leave tls out, or set the certificate to passThrough`,
    );
}

function checkEdge({ edge }: Partial<ParsedSettings>, fault: Report): void {
  if (!edge) return;
  for (const [key, port] of [
    ["httpPort", 80],
    ["httpsPort", 443],
  ] as const)
    if (edge[key] !== port)
      fault(`edge.${key}`, `is ${edge[key]}, but on AWS the load balancer has ${port}; leave it out`);
  if (edge.proxyProtocolFrom.length > 0)
    fault("edge.proxyProtocolFrom", "is the load balancer's on AWS, by itself; leave it out");
}

/** The edge's machine has the system, the keeper and Docker beside HAProxy. */
const BESIDE_HAPROXY_MIB = 2048;

function checkRooms(
  { limits: { roomsRemembered } }: ParsedSettings["edge"],
  { instanceTypes: { edge } }: AwsSettings,
  fault: Report,
): void {
  const memoryMiB = (instanceTypes.get(edge)?.memoryGiB ?? Infinity) * 1024;
  const needed = haproxyMemoryMiB(roomsRemembered) + BESIDE_HAPROXY_MIB;
  if (needed > memoryMiB)
    fault(
      "edge.limits.roomsRemembered",
      `is ${roomsRemembered}, for which an edge's machine needs ${Math.ceil(needed / 1024)} GiB, and ${edge} has ${memoryMiB / 1024}; lower it, or take a larger type at aws.instanceTypes.edge`,
    );
}

function checkRecordings({ recordings }: Partial<ParsedSettings>, aws: AwsSettings, fault: Report): void {
  if (recordings?.store)
    fault(
      "recordings.store",
      "is for Docker hosts: on AWS the stack has a bucket of its own; leave it out, and see aws.recordings",
    );
  const { coldAfterDays, expireAfterDays } = aws.recordings;
  if (expireAfterDays > 0 && coldAfterDays >= expireAfterDays)
    fault(
      "aws.recordings.expireAfterDays",
      `is ${expireAfterDays}, not after coldAfterDays (${coldAfterDays}); raise it, or set coldAfterDays to 0`,
    );
}

function checkEndpoint({ endpoint }: AwsSettings, fault: Report): void {
  if (endpoint === undefined) return;
  const { hostname } = new URL(endpoint);
  if (hostname !== "localhost" && hostname !== "[::1]" && !/^127\./.test(hostname))
    fault(
      "aws.endpoint",
      `is ${endpoint} in production, so that secrets would go there instead of to AWS; leave it out (an emulator on this machine is let be)`,
    );
}
