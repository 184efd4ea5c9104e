import { number, text } from "../environment";

export interface Room {
  jid: string;
  participants: number;
}

const timeoutMilliseconds = 2000;

/**
 * The rooms that people are in, counted by Prosody itself.
 * @throws when Prosody does not answer within 2 s.
 */
export async function census(): Promise<Room[]> {
  const url = `http://${text("XMPP_SERVER", "xmpp.meet.jitsi")}:${number("PROSODY_HTTP_PORT", 5280)}/standin/census`;
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMilliseconds) });
  if (!response.ok) throw new Error(`the census answered ${response.status}`);
  const { rooms } = (await response.json()) as { rooms: Room[] };
  return rooms;
}
