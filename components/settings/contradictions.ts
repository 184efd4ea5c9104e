import { dockerContradictions } from "./dockerContradictions";
import { duplicates, type Fault, type Report } from "./faults";
import { shardNumber } from "./shardNumber";
import type { ParsedSettings, ShardSettings } from "./schema";

/**
 * What is right by itself but not together. Every check takes what could be read, and passes over what could
 * not: so one run tells all faults.
 */
export function contradictions(settings: Partial<ParsedSettings>): Fault[] {
  const faults: Fault[] = [];
  const fault = (path: string, message: string): void => void faults.push({ path, message });

  if (settings.shards) checkShards(settings.shards, fault);
  if (settings.docker) dockerContradictions(settings, settings.docker.hosts, fault);
  checkRecording(settings, fault);
  checkEdge(settings, fault);
  if (settings.production === true) checkProduction(settings, fault);
  return faults;
}

function checkShards(shards: readonly ShardSettings[], fault: Report): void {
  for (const { index, first, key } of duplicates(shards, (shard) => shard.name))
    fault(
      `shards[${index}].name`,
      `"${key}" is already the name of shards[${first}]; give every shard its own`,
    );
  for (const { index, first, key } of duplicates(shards, (shard) => shardNumber(shard.name)))
    if (shards[index]?.name !== shards[first]?.name)
      fault(
        `shards[${index}].name`,
        `ends in ${key} as shards[${first}] does; the number is a shard's identity: give it a free one`,
      );
  if (!shards.some((shard) => shard.state === "ready"))
    fault("shards", "has none in state ready, so no new room could open; add one, or set one back to ready");
}

function checkRecording({ recordings, jibris, auth }: Partial<ParsedSettings>, fault: Report): void {
  const wanted = recordings && (recordings.record || recordings.stream);
  if (recordings && jibris && wanted === false && jibris.free > 0)
    fault(
      "jibris.free",
      `is ${jibris.free}, but recordings.record and recordings.stream are both false; set jibris.free to 0, or allow one of them`,
    );
  if (recordings && jibris && wanted === true && jibris.max === 0)
    fault(
      "jibris.max",
      "is 0, but recording or streaming is allowed; raise it, or set recordings.record and recordings.stream to false",
    );
  if (auth && auth.type !== "jwt" && auth.recorders === "token")
    fault(
      "auth.recorders",
      `is token, but auth.type is ${auth.type}; only jwt has tokens: choose moderators, or auth.type jwt`,
    );
}

function checkEdge({ edge }: Partial<ParsedSettings>, fault: Report): void {
  if (edge?.httpPort === edge?.httpsPort && edge !== undefined)
    fault("edge.httpPort", `is ${edge.httpPort}, as edge.httpsPort; they need two ports`);
}

function checkProduction({ auth, tls, domain }: Partial<ParsedSettings>, fault: Report): void {
  if (auth?.type === "open" && !auth.openToAll)
    fault(
      "auth.type",
      "is open in production: anybody could hold meetings there; choose jwt or internal, or say it is meant with auth.openToAll true",
    );
  if (tls?.mode === "self-signed")
    fault(
      "tls.mode",
      "is self-signed in production: browsers would refuse it; set mode provided with certificate and privateKey",
    );
  if (domain !== undefined && /(^|\.)(localhost|example|example\.(com|net|org)|invalid|test)$/.test(domain))
    fault(
      "domain",
      `"${domain}" is reserved for examples; give the public name of your meetings, or set production to false`,
    );
}
