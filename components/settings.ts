import * as pulumi from "@pulumi/pulumi";
import { zoneOfNumber } from "./aws/addresses";
import type { AwsSettings } from "./settings/awsSchema";
import { expiresSoon } from "./settings/certificates";
import { contradictions, platformFaults } from "./settings/contradictions";
import { networksOf } from "./settings/dockerContradictions";
import { faultsOf, type Fault } from "./settings/faults";
import { privateNetworks } from "./settings/ipv4Range";
import { knownKeys } from "./settings/knownKeys";
import { clearSecrets, isSecretPath } from "./settings/secrets";
import { shardNumber } from "./settings/shardNumber";
import { mirrored } from "./settings/mirror";
import { parsePortRange, type PortRange } from "./settings/portRange";
import {
  defaultStore,
  settingsSchema,
  type DockerHostSettings,
  type DockerSettings,
  type ParsedSettings,
  type ShardSettings,
  type StoreSettings,
} from "./settings/schema";

/** A shard as the settings declare it, with what follows from its name and the defaults. */
export interface ShardSpec extends Omit<ShardSettings, "host" | "zone"> {
  /** The number at the end of its name: its identity, from 1 to 999. */
  readonly number: number;
  readonly release: string;
  /** Where it runs: a Docker host's name, or an availability zone. */
  readonly place: string;
}

/** A Docker host as the settings declare it, its port range read. */
export interface DockerHostSpec extends DockerHostSettings {
  readonly ports: PortRange;
}

/** What every platform's stack has. */
interface CommonSettings extends Omit<
  ParsedSettings,
  "platform" | "shards" | "recordings" | "docker" | "aws" | "peerToPeer"
> {
  readonly shards: readonly ShardSpec[];
  /** Networks of the fleet's own, on which no user is. */
  readonly privateNetworks: readonly string[];
  readonly peerToPeer: { readonly enabled: boolean; readonly stunServers: readonly string[] };
}

/** The settings of a fleet on Docker hosts. */
export interface DockerFleetSettings extends CommonSettings {
  readonly platform: "docker";
  readonly recordings: ParsedSettings["recordings"] & { readonly store: StoreSettings };
  readonly docker: Omit<DockerSettings, "hosts"> & { readonly hosts: readonly DockerHostSpec[] };
}

/** The settings of a fleet on AWS. */
export interface AwsFleetSettings extends CommonSettings {
  readonly platform: "aws";
  readonly recordings: Omit<ParsedSettings["recordings"], "store">;
  readonly aws: AwsSettings;
}

/** Every setting of a stack, read and checked. Nothing else reads `pulumi.Config`. */
export type Settings = DockerFleetSettings | AwsFleetSettings;

/** Settings that cannot be used: all faults at once, each with its path. The program stops before it declares anything. */
export class SettingsError extends pulumi.RunError {
  constructor(
    readonly faults: readonly Fault[],
    stack: string,
  ) {
    const lines = faults.map(({ path, message }) => `  ${path}: ${message}`);
    const count = faults.length === 1 ? "One setting" : `${faults.length} settings`;
    super(
      `${count} of stack ${stack} must be mended; nothing was changed.\n${lines.join("\n")}\n` +
        `Set one with: pulumi config set --path '<setting>' <value>. What there is: docs/settings.md`,
    );
  }
}

/** Reads the current stack's settings. Throws a SettingsError that names every fault. */
export function readSettings(): Settings {
  const project = new pulumi.Config().name;
  // Pulumi's own way to tell its language hosts: its library keeps what it makes of it to itself.
  const encrypted = JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] ?? "[]") as string[];
  const settings = parseSettings(
    givenSettings(pulumi.runtime.allConfig(), project),
    pulumi.getStack(),
    (key) => encrypted.includes(`${project}:${key}`),
  );
  if (settings.auth.type === "internal" && Object.keys(settings.auth.accounts).length === 0)
    void pulumi.log.warn(
      "auth.accounts names nobody, so that nobody can open a room. Add somebody with: pulumi config set --path --secret auth.accounts.NAME",
    );
  const days =
    settings.tls.mode === "provided" ? expiresSoon(settings.tls.certificate, Date.now()) : undefined;
  if (days !== undefined)
    void pulumi.log.warn(
      `tls.certificate expires in ${days} days: browsers refuse it then, and so does the next update. Give the renewed one.`,
    );
  return settings;
}

/** What a project's configuration, texts by `<project>:<key>`, gives as settings. */
export function givenSettings(
  configuration: Readonly<Record<string, string>>,
  project: string,
): Record<string, unknown> {
  const namespace = `${project}:`;
  const given = Object.entries(configuration)
    .filter(([key]) => key.startsWith(namespace))
    .map(([key, text]) => [key.slice(namespace.length), valueOf(key.slice(namespace.length), text)] as const);
  return Object.fromEntries(given);
}

/** Pulumi hands every value over as text: JSON but for what the schema has as text. */
function valueOf(key: string, text: string): unknown {
  if (key === "domain" || key === "platform") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Checks raw settings against the schema and against each other.
 * @param isEncrypted whether anything in a top-level setting is encrypted in the stack; in production secrets must be
 */
export function parseSettings(
  given: Readonly<Record<string, unknown>>,
  stack: string,
  isEncrypted: (key: string) => boolean = () => true,
): Settings {
  const whole = settingsSchema.safeParse(given, { reportInput: true });
  const shapeFaults = whole.success ? [] : faultsOf(whole.error, knownKeys, isSecretPath);
  const faults = [
    ...shapeFaults,
    ...platformFaults(given),
    ...(given["production"] === false ? [] : clearSecrets(given, isEncrypted)),
    ...contradictions(whole.success ? whole.data : readableParts(given)),
  ];
  const settings = whole.success && faults.length === 0 ? complete(whole.data) : undefined;
  if (!settings) throw new SettingsError(faults, stack);
  return deepFreeze(settings);
}

/** The top-level settings that are right by themselves. */
function readableParts(given: Readonly<Record<string, unknown>>): Partial<ParsedSettings> {
  const parts = Object.entries(settingsSchema.shape).flatMap(([key, schema]) => {
    const part = schema.safeParse(given[key]);
    return part.success ? [[key, part.data] as const] : [];
  });
  return Object.fromEntries(parts);
}

/** Undefined where the platform's own settings are missing. */
function complete({ aws, docker, ...given }: ParsedSettings): Settings | undefined {
  const parsed = { ...given, images: mirrored(given.images) };
  const shards = (placeOf: (shard: ShardSettings) => string): ShardSpec[] =>
    parsed.shards.map(({ host, zone, ...shard }) => ({
      ...shard,
      number: shardNumber(shard.name),
      release: shard.release ?? parsed.images.release,
      place: host ?? zone ?? placeOf(shard),
    }));
  const { store = defaultStore, ...recordings } = parsed.recordings;
  const { enabled = parsed.turn.type !== "none", stunServers } = parsed.peerToPeer;
  const peerToPeer = { enabled, stunServers };
  if (parsed.platform === "aws")
    return (
      aws && {
        ...parsed,
        peerToPeer,
        platform: "aws",
        privateNetworks,
        shards: shards(({ name }) => zoneOfNumber(aws, shardNumber(name))),
        recordings,
        aws,
      }
    );
  const shardHost = docker?.hosts.find((host) => host.roles.includes("shard"))?.name ?? "";
  return (
    docker && {
      ...parsed,
      peerToPeer,
      platform: "docker",
      privateNetworks: networksOf(docker),
      shards: shards(() => shardHost),
      recordings: { ...recordings, store },
      docker: {
        ...docker,
        hosts: docker.hosts.map((host) => ({
          ...host,
          ...(host.address.startsWith("tcp:") ? { tls: host.tls ?? docker.tls } : {}),
          ports: parsePortRange(host.udpPorts) ?? { first: 0, last: 0 },
        })),
      },
    }
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
