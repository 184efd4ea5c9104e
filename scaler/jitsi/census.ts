import { z } from "zod";

/**
 * What Prosody's `GET /room-census` says (mod_muc_census, port 5280): the meeting rooms of a shard. Breakout and lobby
 * rooms and breweries are on other services of the same Prosody, and Jicofo's health checks are left out there.
 */
const censusSchema = z.object({
  room_census: z.union([
    z.array(
      z.object({
        room_name: z.string().includes("@"),
        /** All but one, the focus: recorders count, and -1 is an empty room. */
        participants: z.int().min(-1),
        /** Everybody has lost the connection, and Prosody has not noticed. Older releases do not say. */
        leaked: z.boolean().optional(),
      }),
    ),
    // The modules of 2023 say so of no rooms.
    z.strictObject({}).transform(() => []),
  ]),
});

export interface Room {
  /** The room's address in its Prosody; a tenant's is `[tenant]room@…`. The same on every shard. */
  readonly jid: string;
  /** People and recorders that are connected to it. */
  readonly occupants: number;
}

/** Reads the answer's body. Throws on anything but the whole of it. */
export function parseCensus(body: string): Room[] {
  return censusSchema.parse(JSON.parse(body)).room_census.map(({ leaked, participants, room_name }) => ({
    jid: room_name,
    occupants: leaked === true ? 0 : Math.max(participants, 0),
  }));
}
