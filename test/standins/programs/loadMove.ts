import { xml, type Element } from "@xmpp/client";

/**
 * What stand-ins say to each other, by private message in the brewery, and no real program does: Jicofo's tells a
 * bridge's to hand people over to another, and that one tells the other how many came. So nobody is lost or counted
 * twice, whatever is repeated or late.
 */
const namespace = "urn:jitsi-fleet:standin";

export interface LoadMove {
  participants: number;
  conferences: number;
  /** Nickname of the bridge to hand over to; undefined: they arrive here. */
  target: string | undefined;
}

export function loadMove({ participants, conferences, target }: LoadMove): Element {
  return xml("load", {
    xmlns: namespace,
    participants: String(participants),
    conferences: String(conferences),
    ...(target === undefined ? {} : { target }),
  });
}

/** Undefined when the message is another. */
export function loadMoveOf(message: Element): LoadMove | undefined {
  const load = message.getChild("load", namespace);
  if (load === undefined) return undefined;
  const { participants, conferences, target } = load.attrs;
  return { participants: Number(participants), conferences: Number(conferences), target };
}
