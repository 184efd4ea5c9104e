import { z } from "zod";

/** What Jibri's `GET /jibri/api/v1.0/health` says (port 2222). */
const healthSchema = z.object({
  status: z.object({
    busyStatus: z.enum(["IDLE", "BUSY", "EXPIRED"]),
    health: z.object({ healthStatus: z.enum(["HEALTHY", "UNHEALTHY"]) }),
  }),
});

type JibriStatus = "IDLE" | "BUSY" | "EXPIRED";

export interface JibriHealth {
  readonly busy: JibriStatus;
  readonly healthy: boolean;
}

/** Reads the answer's body. Throws on anything but the whole of it. */
export function parseJibriHealth(body: string): JibriHealth {
  const { busyStatus, health } = healthSchema.parse(JSON.parse(body)).status;
  return { busy: busyStatus, healthy: health.healthStatus === "HEALTHY" };
}
