import { z } from "zod";

/** What Jibri's `GET /jibri/api/v1.0/health` says (port 2222). */
const healthSchema = z.object({
  status: z.object({
    busyStatus: z.enum(["IDLE", "BUSY", "EXPIRED"]),
    health: z.object({
      healthStatus: z.enum(["HEALTHY", "UNHEALTHY"]),
      /** By part of it: words alone, nothing hangs on them. */
      details: z
        .record(z.string(), z.object({ healthStatus: z.string(), detail: z.string().default("") }))
        .catch({}),
    }),
  }),
});

type JibriStatus = "IDLE" | "BUSY" | "EXPIRED";

export interface JibriHealth {
  readonly busy: JibriStatus;
  readonly healthy: boolean;
  /** What is wrong with which part of it; empty where it does not say. */
  readonly details: string;
}

/** Reads the answer's body. Throws on anything but the whole of it. */
export function parseJibriHealth(body: string): JibriHealth {
  const { busyStatus, health } = healthSchema.parse(JSON.parse(body)).status;
  const details = Object.entries(health.details)
    .filter(([, part]) => part.healthStatus !== "HEALTHY")
    .map(([name, { detail }]) => (detail === "" ? name : `${name}: ${detail}`))
    .join(", ");
  return { busy: busyStatus, healthy: health.healthStatus === "HEALTHY", details };
}
