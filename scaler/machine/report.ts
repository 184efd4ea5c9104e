import { z } from "zod";

/**
 * What a node says of the bundle that it was told to apply: an object beside the pointer, and
 * /var/lib/jitsi-fleet/report.json on the machine. Whoever wrote a pointer waits for the report of that bundle.
 */
export const machineReportSchema = z.strictObject({
  name: z.string(),
  /** EC2's id: a new machine has to report anew. */
  instance: z.string(),
  /** SHA-256 of the bundle. */
  bundle: z.string(),
  /**
   * `applied`: all of it is in force. `waiting`: nothing was touched, since a call would have been cut; tried again.
   * `failed`: a part of it may be in force; tried again.
   */
  state: z.enum(["applied", "waiting", "failed"]),
  /** Why it waits or failed, and what to do; where it is applied, what did not go as it should. */
  reason: z.string().optional(),
  /** The machine's clock, ISO 8601. */
  time: z.iso.datetime(),
  /** Containers that were made anew for it, by their name in the node. */
  replaced: z.array(z.string()),
});
export type MachineReport = z.output<typeof machineReportSchema>;

/** Keys of a machine's objects in the bucket of bundles, by the node's or the pool's name. */
export const machineKeys = (
  name: string,
): { readonly pointer: string; readonly report: string; bundle(sha256: string): string } => ({
  pointer: `machines/${name}/current`,
  report: `machines/${name}/report.json`,
  bundle: (sha256) => `machines/${name}/${sha256}.tar`,
});

/** Key of a program's object, one for all machines. */
export const programKey = (sha256: string): string => `programs/${sha256}.js`;

/** Tag of an instance, readable by itself: `s3://<bucket>/<key of the pointer>`. */
export const POINTER_TAG = "jitsi-fleet:bundle";
/**
 * Tag of a group, and of each of its instances: of what its machines are made now, and was made. Another replaces them,
 * another version of the launch template alone does not: user's tags are in that.
 */
export const MACHINE_TAG = "jitsi-fleet:machine";
/** Tag of an instance, only where AWS is an emulator: the URL that stands in for S3's. */
export const ENDPOINT_TAG = "jitsi-fleet:endpoint";
