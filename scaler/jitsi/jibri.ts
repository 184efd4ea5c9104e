import { z } from "zod";

/** What Jibri's `GET /jibri/api/v1.0/health` says (port 2222). */
const healthSchema = z.object({ status: z.object({ busyStatus: z.enum(["IDLE", "BUSY", "EXPIRED"]) }) });

export type JibriStatus = z.output<typeof healthSchema>["status"]["busyStatus"];

/** Reads the answer's body. Throws on anything but the whole of it. */
export function parseJibriStatus(body: string): JibriStatus {
  return healthSchema.parse(JSON.parse(body)).status.busyStatus;
}
