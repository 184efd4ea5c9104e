import { z } from "zod";

/**
 * The interface of a host's agent: all that the scaler can see and do there. Every request carries
 * `Authorization: Bearer <token>`; without it the answer is 401 and empty.
 *
 *   GET    /v1/state                     what is there                                 200 HostState
 *   PUT    /v1/instances/{name}          launch one: LaunchRequest                     202; 404 no such pool; 409 the version
 *                                                                                      is another (look again); 507 no slot
 *   POST   /v1/instances/{name}/{verb}   drain, undrain, retire (bridge: takes no new  204; 404; 502 the instance did not obey
 *                                        conference any more, for good), evacuate (bridge: everybody is moved
 *                                        to others, a gap of seconds; then it ends), fence (Jibri: ends once idle)
 *   DELETE /v1/instances/{name}          SIGTERM, after the grace SIGKILL, remove      202; 404
 *   GET    /metrics                      what each running instance tells Prometheus,  200
 *                                        with its role, name, pool and shard
 *
 * All are idempotent: launching what is there and removing what goes already are 202. An instance that is not of
 * the agent's own stack and pools' roles is 404, whatever its name.
 */

/** What a program answered when the agent asked it. No answer is an error, never an empty one. */
const answer = z.union([
  z.strictObject({ status: z.int(), body: z.string() }),
  z.strictObject({ error: z.string() }),
]);
export type Answer = z.output<typeof answer>;

export const instanceStates = ["launching", "running", "stopping", "exited", "failed"] as const;

const instance = z.strictObject({
  /** `<pool>-<launch id>`, unique for ever: also a bridge's nickname and a Jibri's instance id. */
  name: z.string(),
  pool: z.string(),
  role: z.enum(["bridge", "jibri"]),
  revision: z.string(),
  launchedAt: z.iso.datetime(),
  /**
   * `exited`: its container ended by itself. `failed`: it could not be launched. `detail` says how, or why; of one that
   * runs and is unhealthy what its container's health check printed.
   */
  state: z.enum(instanceStates),
  detail: z.string().optional(),
  /** The container's own health check. */
  health: z.enum(["starting", "healthy", "unhealthy", "none"]),
  media: z.strictObject({ address: z.string(), port: z.int() }).optional(),
  /** Jibri: told to end once idle. Remembered by the agent; lost with it, and then told again. */
  fenced: z.boolean(),
  /** Running only. Bridge: GET :8080/colibri/stats. Jibri: GET :2222/jibri/api/v1.0/health. */
  status: answer.optional(),
  /** Running bridges only: GET :8080/about/health. */
  healthCheck: answer.optional(),
});
export type Instance = z.output<typeof instance>;

const spoolItem = z.strictObject({
  /** The Jibri that recorded it. */
  instance: z.string(),
  session: z.string(),
  /** `recording`: still growing. `waiting`: in the spool. `failing`: tried `attempts` times in vain. */
  state: z.enum(["recording", "waiting", "uploading", "failing"]),
  bytes: z.int(),
  /** For so long nothing of it has changed. */
  quietSeconds: z.int().optional(),
  attempts: z.int(),
  /** Whether its Jibri ended before it was finalized: what there is, is uploaded. */
  partial: z.boolean(),
  error: z.string().optional(),
});
export type SpoolItem = z.output<typeof spoolItem>;

/** The volume that is recorded to. */
const volume = z.strictObject({
  freeBytes: z.int(),
  totalBytes: z.int(),
  /** Null where the file system counts none. */
  freeInodes: z.int().nullable(),
  writable: z.boolean(),
  /** How many recordings find room there. */
  room: z.int(),
});
export type SpoolVolume = z.output<typeof volume>;

/** What the uploader says; what is optional an uploader of an earlier release does not say: GET /v1/spool?live=<instance>,<instance>… (those whose container exists). */
export const spoolSchema = z.strictObject({
  items: z.array(spoolItem),
  /** Since its start. */
  uploaded: z.int(),
  uploadedBytes: z.int(),
  partial: z.int(),
  /** What that took: bytes sent to the store, and read back from it. */
  sentBytes: z.int().optional(),
  readBytes: z.int().optional(),
  volume: volume.optional(),
});
export type Spool = z.output<typeof spoolSchema>;

export const hostStateSchema = z.strictObject({
  host: z.string(),
  /** The agent's clock. */
  time: z.iso.datetime(),
  /** Hash of which instances there are: a launch must name it, so that a repeated or late one does nothing. */
  version: z.string(),
  pools: z.array(
    z.strictObject({
      name: z.string(),
      role: z.enum(["bridge", "jibri"]),
      revision: z.string(),
      /** Instances of the role that still find a place (slots and ports). */
      room: z.int(),
    }),
  ),
  instances: z.array(instance),
  /** Absent where no Jibri runs. */
  spool: z.union([spoolSchema, z.strictObject({ error: z.string() })]).optional(),
});
export type HostState = z.output<typeof hostStateSchema>;

export const launchRequestSchema = z.strictObject({ pool: z.string(), version: z.string() });
export type LaunchRequest = z.output<typeof launchRequestSchema>;

export const verbs = ["drain", "undrain", "retire", "evacuate", "fence"] as const;
export type Verb = (typeof verbs)[number];
