import { z } from "zod";
import { programNames } from "../bundle";
import { liveTarget, lookedUpTarget } from "../engine/liveTarget";

/** What a bundle says of its machine: written by the program that deploys the fleet, read by `apply` on the machine. */
export const MANIFEST_FILE = "manifest.json";

/**
 * In every text of a bundle's containers and of their files, secret ones too: what only the machine knows of itself.
 * For machines of a pool, which share a bundle; a node's addresses stand before it does.
 */
export const MACHINE = {
  /** `0abc…` of the instance `i-0abc…`. */
  id: "{{machine.id}}",
  publicAddress: "{{machine.publicAddress}}",
  privateAddress: "{{machine.privateAddress}}",
} as const;

const owner = z.strictObject({ uid: z.int(), gid: z.int() });

/** A file and where its content is: in the bundle, or among the secrets by `<container>/<path>`. */
const file = z.strictObject({ path: z.string(), from: z.enum(["bundle", "secrets"]) });

const container = z.strictObject({
  /** Its name in its node. */
  name: z.string(),
  /** Docker's name for it. */
  dockerName: z.string(),
  image: z.string(),
  /** Files below /fleet; none: nothing is mounted there. */
  files: z.array(file),
  /** The program of the fleet's own at /fleet/program.js. */
  program: z.strictObject({ name: z.enum(programNames), sha256: z.string() }).optional(),
  owner,
  /** Whether it has a health check that is waited for. */
  isChecked: z.boolean(),
  /** How users are sent elsewhere before it is stopped; none: nobody sends it any. */
  leave: z
    .strictObject({
      /** Who does it, by Docker's name, and at what command. */
      container: z.string(),
      command: z.array(z.string()),
      /** After that no new ones come. */
      noticedSeconds: z.number(),
    })
    .optional(),
  /** Where it answers the world over TCP, waited for where it has no health check. */
  listens: z.array(z.strictObject({ address: z.string(), port: z.int() })),
  live: z
    .strictObject({
      target: liveTarget,
      /** Beside the main file; a change is a reload. */
      files: z.array(file),
      /** A change of these alone is none. */
      quietFiles: z.array(file),
    })
    .optional(),
  /** Files that it looks up again whenever it needs them. */
  lookedUp: z.strictObject({ target: lookedUpTarget, files: z.array(file) }).optional(),
});
export type MachineContainer = z.output<typeof container>;

/** What must be so before a container is stopped; `none`: it may restart at any time. */
const guard = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  /** A shard: drained by the settings, and for a while nobody on it by Jicofo's word. */
  z.strictObject({
    kind: z.literal("shard"),
    state: z.enum(["ready", "drain", "maint"]),
    /** Who says so, by Docker's name, and how it is asked. */
    container: z.string(),
    command: z.array(z.string()),
  }),
  /** A node of the edge: another one serves meanwhile, where there is another. */
  z.strictObject({
    kind: z.literal("edge"),
    others: z.array(z.strictObject({ name: z.string(), address: z.string(), port: z.int() })),
  }),
]);

export const machineManifest = z.strictObject({
  stack: z.string(),
  /** The node's name, or the pool's. */
  name: z.string(),
  role: z.enum(["edge", "shard", "scaler", "bridge", "jibri"]),
  guard,
  /** Whether to go on all the same. */
  allowCutCalls: z.boolean(),
  /** Docker networks that are there before anything is launched, and that no container of the bundle is on. */
  networks: z.array(z.string()),
  secrets: z.strictObject({
    /** Parameters in SSM, in their order: together the secrets' document. None: there are no secrets. */
    parameters: z.array(z.string()).max(10),
    /** Changes with the document, and is in each parameter: parts of two documents are never put together. */
    revision: z.string(),
  }),
  /** All AWS calls go there: an emulator's. */
  endpoint: z.url().optional(),
  /** In the order in which they start, each after the one before is well. */
  containers: z.array(container),
});
export type MachineManifest = z.output<typeof machineManifest>;
