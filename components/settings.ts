import * as pulumi from "@pulumi/pulumi";
import { contradictions } from "./settings/contradictions";
import { faultsOf, type Fault } from "./settings/faults";
import { knownKeys } from "./settings/knownKeys";
import { shardNumber } from "./settings/shardNumber";
import { parsePortRange, type PortRange } from "./settings/portRange";
import {
  settingsSchema,
  type DockerHostSettings,
  type ParsedSettings,
  type ShardSettings,
} from "./settings/schema";

/** A shard as the settings declare it, with what follows from its name and the defaults. */
export interface ShardSpec extends ShardSettings {
  /** The number at the end of its name: its identity, from 1 to 999. */
  readonly number: number;
  readonly release: string;
  readonly host: string;
}

/** A Docker host as the settings declare it, its port range read. */
export interface DockerHostSpec extends DockerHostSettings {
  readonly ports: PortRange;
}

/** Every setting of a stack, read and checked. Nothing else reads `pulumi.Config`. */
export interface Settings extends Omit<ParsedSettings, "shards" | "docker"> {
  readonly shards: readonly ShardSpec[];
  readonly docker: Omit<ParsedSettings["docker"], "hosts"> & { readonly hosts: readonly DockerHostSpec[] };
}

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
  return parseSettings(
    givenSettings(pulumi.runtime.allConfig(), new pulumi.Config().name),
    pulumi.getStack(),
  );
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

/** Checks raw settings against the schema and against each other. */
export function parseSettings(given: Readonly<Record<string, unknown>>, stack: string): Settings {
  const whole = settingsSchema.safeParse(given, { reportInput: true });
  const shapeFaults = whole.success ? [] : faultsOf(whole.error, knownKeys);
  const faults = [...shapeFaults, ...contradictions(whole.success ? whole.data : readableParts(given))];
  if (!whole.success || faults.length > 0) throw new SettingsError(faults, stack);
  return deepFreeze(complete(whole.data));
}

/** The top-level settings that are right by themselves. */
function readableParts(given: Readonly<Record<string, unknown>>): Partial<ParsedSettings> {
  const parts = Object.entries(settingsSchema.shape).flatMap(([key, schema]) => {
    const part = schema.safeParse(given[key]);
    return part.success ? [[key, part.data] as const] : [];
  });
  return Object.fromEntries(parts);
}

function complete(parsed: ParsedSettings): Settings {
  const shardHost = parsed.docker.hosts.find((host) => host.roles.includes("shard"))?.name ?? "";
  return {
    ...parsed,
    shards: parsed.shards.map((shard) => ({
      ...shard,
      number: shardNumber(shard.name),
      release: shard.release ?? parsed.images.release,
      host: shard.host ?? shardHost,
    })),
    docker: {
      ...parsed.docker,
      hosts: parsed.docker.hosts.map((host) => ({
        ...host,
        ports: parsePortRange(host.udpPorts) ?? { first: 0, last: 0 },
      })),
    },
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
