import type { ShardStatus } from "./status";
import { whatIsOn, whatKeeps } from "./waiting";

/** A generated secret of a stack, as its state has it. */
export interface GeneratedSecret {
  /** The resource's name. */
  readonly name: string;
  readonly urn: string;
}

const TYPES = ["random:index/randomPassword:RandomPassword", "tls:index/privateKey:PrivateKey"];
/** Of none of these a login depends: they keep hashes of secrets from telling of them. */
const isSalt = (name: string): boolean => name.endsWith("-salt");

/** The secrets that the program had generated, by name. */
export function generatedSecrets(
  resources: readonly { readonly type: string; readonly urn: string }[],
): GeneratedSecret[] {
  return resources
    .filter(({ type }) => TYPES.includes(type))
    .map(({ urn }) => ({ name: urn.split("::").at(-1) ?? "", urn }))
    .filter(({ name }) => !isSalt(name))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** Whose containers a new secret replaces: a shard's, those of all shards, or nothing that carries a call. */
export type Replaces =
  | { readonly what: "shard"; readonly shard: string }
  | { readonly what: "shards" }
  | { readonly what: "nothing" };

/** Secrets that every shard's Prosody is told. */
const OF_ALL_SHARDS = ["jibri-xmpp", "jibri-recorder", "turn"];

export function replacedBy(name: string, shards: readonly string[]): Replaces {
  const shard = shards.find((one) => name === `${one}-jicofo` || name === `${one}-bridges`);
  if (shard !== undefined) return { what: "shard", shard };
  return OF_ALL_SHARDS.includes(name) ? { what: "shards" } : { what: "nothing" };
}

export const meaningOf = (replaces: Replaces): string =>
  ({
    shard: `replaces the containers of ${"shard" in replaces ? replaces.shard : ""}: drain it first`,
    shards: "replaces Prosody on every shard: at a time when nobody meets",
    nothing: "restarts programs of the fleet's own, or reloads HAProxy: at any time",
  })[replaces.what];

/** Why a secret must not be replaced now, with what to do; undefined: it may be. */
export function objectionTo(
  name: string,
  replaces: Replaces,
  statuses: readonly ShardStatus[],
  allowCutCalls: boolean,
): string | undefined {
  switch (replaces.what) {
    case "nothing":
      return undefined;
    case "shard": {
      const status = statuses.find((one) => one.name === replaces.shard);
      const keeps = status ? whatKeeps(status) : "nobody tells of it";
      if (keeps === undefined) return undefined;
      return `${name} replaces the containers of ${replaces.shard}: ${keeps}. First: npm run shard -- drain ${replaces.shard} --wait`;
    }
    case "shards": {
      const busy = statuses.flatMap((status) => {
        const on = whatIsOn(status);
        return on.length === 0 ? [] : [`${status.name}: ${on.join(", ")}`];
      });
      if (busy.length > 0)
        return `${name} replaces Prosody on every shard, and people are on them (${busy.join("; ")}). Do it at a time when nobody meets`;
      if (allowCutCalls) return undefined;
      return (
        `${name} replaces Prosody on every shard, also on those in ready, and who comes in that minute would be cut. Where that is meant: ` +
        `pulumi config set allowCutCalls true, pulumi up, npm run rotate -- ${name}, pulumi config set allowCutCalls false, pulumi up`
      );
    }
  }
}
