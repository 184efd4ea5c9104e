import { LETS_ENCRYPT_STAGING_URL, LETS_ENCRYPT_URL } from "@jitsi-fleet/scaler";
import { awsContradictions } from "./awsContradictions";
import { isReservedByAws } from "./buckets";
import { checkCertificate, readCertificates } from "./certificates";
import { dockerContradictions } from "./dockerContradictions";
import { duplicates, type Fault, type Report } from "./faults";
import { isLoopback } from "./ipv4Range";
import { checkRegistries } from "./registries";
import { shardNumber } from "./shardNumber";
import { USERS_PER_SHARD } from "./shardSize";
import type { ParsedSettings, ShardSettings } from "./schema";

/** Names that can lead to nobody's meetings (RFC 2606, RFC 6761). */
const reserved = /(^|\.)(localhost|example|example\.(com|net|org)|invalid|test)$/;

/**
 * What is right by itself but not together. Every check takes what could be read, and passes over what could
 * not: so one run tells all faults.
 */
export function contradictions(settings: Partial<ParsedSettings>): Fault[] {
  const faults: Fault[] = [];
  const fault = (path: string, message: string): void => void faults.push({ path, message });

  if (settings.shards) checkShards(settings.shards, fault);
  const { platform } = settings;
  if (platform === "docker" && settings.docker) dockerContradictions(settings, settings.docker, fault);
  if (platform === "aws" && settings.aws) awsContradictions(settings, settings.aws, fault);
  if (settings.shards && platform) checkPlaces(settings.shards, platform, fault);
  checkShardSize(settings, fault);
  checkRecording(settings, fault);
  if (settings.images) checkRegistries(settings.images, fault);
  checkAuth(settings, fault);
  checkStore(settings, fault);
  checkEdge(settings, fault);
  checkAcme(settings, fault);
  checkProvided(settings, fault);
  checkAuthorities(settings, fault);
  checkTurn(settings, fault);
  checkMonitoring(settings, fault);
  if (settings.production === true) checkProduction(settings, fault);
  return faults;
}

/** That the chosen platform's own settings are given, and no other's. */
export function platformFaults(given: Readonly<Record<string, unknown>>): Fault[] {
  const platform = given["platform"] ?? "docker";
  if (platform !== "docker" && platform !== "aws") return [];
  const other = platform === "docker" ? "aws" : "docker";
  const missing = {
    docker: "is missing; name the hosts with docker.hosts, or set platform to aws",
    aws: "is missing; name region, zones and image there, or set platform to docker",
  };
  return [
    ...(given[platform] === undefined ? [{ path: platform, message: missing[platform] }] : []),
    ...(given[other] === undefined
      ? []
      : [
          {
            path: other,
            message: `is of no use with platform ${platform}; leave it out, or set platform to ${other}`,
          },
        ]),
  ];
}

/** A shard stands on a host or in a zone. */
function checkPlaces(
  shards: readonly ShardSettings[],
  platform: ParsedSettings["platform"],
  fault: Report,
): void {
  const [wrong, right] = platform === "docker" ? (["zone", "host"] as const) : (["host", "zone"] as const);
  shards.forEach((shard, index) => {
    if (shard[wrong] !== undefined)
      fault(`shards[${index}].${wrong}`, `has no meaning with platform ${platform}; take ${right}`);
  });
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

/** What one shard's web server, Prosody and Jicofo are made for. */
function checkShardSize({ bridges }: Partial<ParsedSettings>, fault: Report): void {
  if (!bridges) return;
  const users = bridges.max * bridges.capacity;
  if (users > USERS_PER_SHARD)
    fault(
      "bridges.max",
      `${bridges.max} bridges of bridges.capacity ${bridges.capacity} make ${users} participants in one shard, which carries ${USERS_PER_SHARD}; lower one of them and add shards`,
    );
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

function checkAuth({ auth, production }: Partial<ParsedSettings>, fault: Report): void {
  if (auth?.type === "jwt") {
    const { appSecret, keyServer } = auth;
    if (appSecret === undefined && keyServer === undefined)
      fault(
        "auth.appSecret",
        "is missing; set it with --secret, or keyServer where tokens are signed with RS256",
      );
    if (appSecret !== undefined && keyServer !== undefined)
      fault("auth.keyServer", "is given, and auth.appSecret too; tokens are signed in one way: take one out");
    if (production === true && keyServer?.startsWith("http:") === true)
      fault(
        "auth.keyServer",
        "is http:// in production: who is on the way could give keys of their own; take https://",
      );
  }
  if (auth?.type !== "ldap") return;
  const isClear = !auth.url.startsWith("ldaps:") && !auth.startTls;
  if (isClear && production === true)
    fault(
      "auth.url",
      "is ldap:// in production: passwords would travel in clear; take ldaps://, or set startTls to true",
    );
  if (isClear && auth.ca !== undefined)
    fault("auth.ca", "is of no use without TLS; take ldaps:// or startTls, or leave it out");
  if (!isClear && auth.startTls && auth.url.startsWith("ldaps:"))
    fault("auth.startTls", "is true, but ldaps:// is TLS from the start; take ldap://, or leave it out");
  if ((auth.bindDn === undefined) !== (auth.bindPassword === undefined))
    fault(
      auth.bindDn === undefined ? "auth.bindDn" : "auth.bindPassword",
      "is missing; bindDn and bindPassword are given together, or neither",
    );
}

function checkStore({ recordings, production }: Partial<ParsedSettings>, fault: Report): void {
  const store = recordings?.store;
  if (store?.type !== "s3") return;
  if (store.provider !== "AWS" && store.endpoint === undefined)
    fault(
      "recordings.store.endpoint",
      `is missing, and the store is ${store.provider}'s; give the URL at which it answers, or provider AWS`,
    );
  if (store.provider === "AWS" && isReservedByAws(store.bucket))
    fault(
      "recordings.store.bucket",
      `"${store.bucket}" begins or ends as no bucket of AWS may, since it keeps such names to itself; give the bucket's own name`,
    );
  if (store.ca !== undefined && store.endpoint?.startsWith("https:") !== true)
    fault(
      "recordings.store.ca",
      "is of no use without an endpoint that begins with https://; give one, or leave it out",
    );
  if (production === true && store.endpoint?.startsWith("http:") === true)
    fault(
      "recordings.store.endpoint",
      "is http:// in production: recordings and the key would travel in clear; take https://",
    );
}

function checkEdge({ edge, images, shards }: Partial<ParsedSettings>, fault: Report): void {
  if (!edge) return;
  if (edge.httpPort === edge.httpsPort)
    fault("edge.httpPort", `is ${edge.httpPort}, as edge.httpsPort; they need two ports`);
  const { releases } = edge;
  for (const { index, first, key } of duplicates(releases, ({ release }) => release))
    fault(`edge.releases[${index}].release`, `"${key}" is edge.releases[${first}]'s already; make them one`);
  const pinned = releases.flatMap(({ tenants }, index) =>
    tenants.map((tenant, at) => ({ tenant, path: `edge.releases[${index}].tenants[${at}]` })),
  );
  for (const { index, first, key } of duplicates(pinned, ({ tenant }) => tenant))
    fault(
      pinned[index]?.path ?? "",
      `"${key}" has a release at ${pinned[first]?.path ?? ""} already; keep one`,
    );
  const percent = releases.reduce((sum, { sharePercent }) => sum + sharePercent, 0);
  if (percent > 100)
    fault("edge.releases", `share out ${percent} % of the new rooms; lower sharePercent to 100 in all`);
  if (shards && images) checkReleases(edge, images, shards, fault);
}

function checkReleases(
  { releases }: ParsedSettings["edge"],
  images: ParsedSettings["images"],
  shards: readonly ShardSettings[],
  fault: Report,
): void {
  const ready = new Set(
    shards.filter(({ state }) => state === "ready").map(({ release }) => release ?? images.release),
  );
  const choices = [...ready].join(", ") || "none";
  releases.forEach(({ release, sharePercent, tenants }, index) => {
    if ((sharePercent > 0 || tenants.length > 0) && !ready.has(release))
      fault(
        `edge.releases[${index}].release`,
        `"${release}" is the release of no shard in state ready; choose one of: ${choices}`,
      );
  });
}

function checkAcme({ domain, edge, production, tls }: Partial<ParsedSettings>, fault: Report): void {
  if (tls?.mode !== "acme") return;
  const { ca, directoryUrl } = tls;
  // A private authority may look at another port; a trial may have one passed on.
  if (production === true && ca === undefined && edge !== undefined && edge.httpPort !== 80)
    fault(
      "edge.httpPort",
      `is ${edge.httpPort}, but with tls.mode acme the authority looks at port 80; set it to 80, or set tls.mode provided`,
    );
  if (production === true && directoryUrl === LETS_ENCRYPT_STAGING_URL)
    fault(
      "tls.directoryUrl",
      "is Let's Encrypt's staging in production: browsers would refuse its certificates; leave it out, or set production to false",
    );
  const isLetsEncrypt = directoryUrl === LETS_ENCRYPT_URL || directoryUrl === LETS_ENCRYPT_STAGING_URL;
  if (isLetsEncrypt && domain !== undefined && (reserved.test(domain) || !domain.includes(".")))
    fault(
      "tls.mode",
      `is acme, but Let's Encrypt issues none for "${domain}", which is no public name; set domain to one, or set tls.mode self-signed`,
    );
}

function checkMonitoring({ monitoring, platform }: Partial<ParsedSettings>, fault: Report): void {
  if (monitoring?.type === "cloudwatch" && platform === "docker")
    fault("monitoring.type", 'is "cloudwatch", which takes platform aws; set it to "none"');
}

function checkTurn({ turn, domain }: Partial<ParsedSettings>, fault: Report): void {
  if (turn === undefined || turn.type === "none") return;
  if (turn.domain === domain)
    fault(
      "turn.domain",
      `is ${domain}, as domain; TURN is told from the meetings by its name: give another one that leads to the edge, such as turn.${domain}`,
    );
}

function checkProvided({ domain, tls, turn }: Partial<ParsedSettings>, fault: Report): void {
  if (tls?.mode !== "provided") return;
  const names = [
    ...(domain === undefined ? [] : [{ setting: "domain", name: domain }]),
    ...(turn === undefined || turn.type === "none" ? [] : [{ setting: "turn.domain", name: turn.domain }]),
  ];
  checkCertificate(tls, names, Date.now(), fault);
}

/** Authorities that others than browsers are to trust. */
function checkAuthorities({ auth, docker, recordings, tls }: Partial<ParsedSettings>, fault: Report): void {
  const store = recordings?.store;
  const given: readonly (readonly [path: string, pem: string | undefined])[] = [
    ["tls.ca", tls?.mode === "acme" ? tls.ca : undefined],
    ["recordings.store.ca", store?.type === "s3" ? store.ca : undefined],
    ["auth.ca", auth?.type === "ldap" ? auth.ca : undefined],
    ...[
      ["docker", docker?.tls] as const,
      ...(docker?.hosts ?? []).map(({ tls: own }, index) => [`docker.hosts[${index}]`, own] as const),
    ].flatMap(
      ([at, own]) =>
        [
          [`${at}.tls.ca`, own?.ca],
          [`${at}.tls.certificate`, own?.certificate],
        ] as const,
    ),
  ];
  for (const [path, pem] of given) {
    const read = pem === undefined ? [] : readCertificates(pem);
    if (typeof read === "string") fault(path, read);
  }
}

function checkProduction(
  { auth, aws, docker, domain, platform, tls, turn }: Partial<ParsedSettings>,
  fault: Report,
): void {
  if (auth?.type === "open" && !auth.openToAll)
    fault(
      "auth.type",
      "is open in production: anybody could hold meetings there; choose jwt or internal, or say it is meant with auth.openToAll true",
    );
  // Behind a load balancer that has a certificate of its own, no browser sees it.
  const isSeen = platform === "aws" ? aws?.frontDoor.certificate === "passThrough" : true;
  if (tls?.mode === "self-signed" && isSeen)
    fault(
      "tls.mode",
      "is self-signed in production: browsers would refuse it; set mode acme with email, or provided with certificate and privateKey",
    );
  if (domain !== undefined && reserved.test(domain))
    fault(
      "domain",
      `"${domain}" is reserved for examples; give the public name of your meetings, or set production to false`,
    );
  docker?.hosts.forEach(({ publicAddress }, index) => {
    if (isLoopback(publicAddress))
      fault(
        `docker.hosts[${index}].publicAddress`,
        `${publicAddress} leads every user to their own machine; give the address at which users reach the host, or set production to false`,
      );
  });
  if (turn?.type === "shared443" && reserved.test(turn.domain))
    fault(
      "turn.domain",
      `"${turn.domain}" is reserved for examples; give a public name that leads to the edge, or set production to false`,
    );
}
