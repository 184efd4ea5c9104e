import type { Element } from "@xmpp/client";

import { Brewery, type Occupant } from "../brewery";
import { number, scaledMilliseconds, text } from "../environment";
import { loadMove, type LoadMove } from "../loadMove";

/** After this long without Prosody its bridges and Jibris are given up. */
const giveUpSeconds = 16;
/** How soon the people of a bridge in its last minute, or of a lost one, are moved. */
const forcedMoveSeconds = 1;
const lostMoveSeconds = 2;
/** After a new login the members that were not seen again are gone. */
const settleMilliseconds = 1000;

/** A bridge as its presence tells it. */
export interface Bridge {
  nickname: string;
  statistics: Record<string, string>;
  /** People on it: as told, and corrected by moves made since. */
  endpoints: number;
  conferences: number;
  session: number;
  moving: boolean;
}

export interface Jibri {
  nickname: string;
  busyStatus: string;
  healthStatus: string;
  session: number;
}

export interface Moved {
  movedEndpoints: number;
  conferences: number;
}

const internalMuc = text("XMPP_INTERNAL_MUC_DOMAIN", "internal-muc.meet.jitsi");
export const bridgeBrewery = `${text("JVB_BREWERY_MUC", "jvbbrewery")}@${internalMuc}`;
export const jibriBrewery = `${text("JIBRI_BREWERY_MUC", "jibribrewery")}@${internalMuc}`;

/** The bridges and Jibris in the breweries of the one Prosody that this Jicofo serves. */
export class Fleet {
  lostBridges = 0;
  participantsMoved = 0;
  readonly #bridges = new Map<string, Bridge>();
  readonly #jibris = new Map<string, Jibri>();
  readonly #brewery: Brewery;
  #disconnectedSince: number | undefined;
  #connectedSince = 0;
  #everConnected = false;

  constructor() {
    this.#brewery = new Brewery({
      server: { host: text("XMPP_SERVER", "xmpp.meet.jitsi"), port: number("XMPP_PORT", 5222) },
      domain: text("XMPP_AUTH_DOMAIN", "auth.meet.jitsi"),
      username: "focus",
      password: text("JICOFO_AUTH_PASSWORD"),
      rooms: [bridgeBrewery, jibriBrewery],
      nickname: "focus",
      onPresence: (occupant, presence, available) => this.#onPresence(occupant, presence, available),
    });
    setInterval(() => this.#tick(), scaledMilliseconds(0.5));
  }

  get bridges(): Bridge[] {
    return [...this.#bridges.values()];
  }

  get operationalBridges(): Bridge[] {
    return this.bridges.filter((bridge) => bridge.statistics["healthy"] === "true");
  }

  get jibris(): Jibri[] {
    return [...this.#jibris.values()];
  }

  /** Undefined while connected, and before the first connection. */
  get disconnectedSince(): number | undefined {
    return this.#disconnectedSince;
  }

  bridge(nickname: string): Bridge | undefined {
    return this.#bridges.get(nickname);
  }

  leave(): Promise<void> {
    return this.#brewery.leave();
  }

  /**
   * Moves people from a bridge to the least loaded one that is not on its way out, or that drains only when all do.
   * The bridges' stand-ins do it between them. With nowhere to go they stay, but count as moved, as in Jicofo.
   */
  move(from: Bridge, people: number, fromIsGone = false): Moved {
    const moved = Math.min(people, from.endpoints);
    if (moved <= 0) return { movedEndpoints: 0, conferences: 0 };
    const all = moved === from.endpoints;
    const perConference = from.conferences === 0 ? moved : from.endpoints / from.conferences;
    const conferences = all ? Math.max(1, from.conferences) : Math.ceil(moved / perConference);
    const target = this.operationalBridges
      .filter((bridge) => bridge.nickname !== from.nickname)
      .filter(
        ({ statistics }) =>
          statistics["shutting_down"] !== "true" && statistics["graceful_shutdown"] !== "true",
      )
      .sort(
        (one, other) =>
          Number(one.statistics["drain"] === "true") - Number(other.statistics["drain"] === "true") ||
          one.endpoints - other.endpoints,
      )[0];
    this.participantsMoved += moved;
    if (target === undefined) return { movedEndpoints: moved, conferences };
    from.endpoints -= moved;
    if (all) from.conferences = 0;
    target.endpoints += moved;
    target.conferences += conferences;
    const handOver = { participants: moved, conferences };
    if (fromIsGone) {
      this.#tell(target.nickname, { ...handOver, target: undefined });
    } else {
      this.#tell(from.nickname, { ...handOver, target: target.nickname });
    }
    return { movedEndpoints: moved, conferences };
  }

  #tell(nickname: string, move: LoadMove): void {
    this.#brewery.tell({ room: bridgeBrewery, nickname }, loadMove(move));
  }

  #onPresence({ room, nickname }: Occupant, presence: Element, available: boolean): void {
    const session = this.#brewery.disconnects;
    if (room === jibriBrewery) {
      const status = presence.getChild("jibri-status", "http://jitsi.org/protocol/jibri");
      if (!available || status === undefined) this.#jibris.delete(nickname);
      else {
        this.#jibris.set(nickname, {
          nickname,
          busyStatus: status.getChild("busy-status")?.attrs["status"] ?? "",
          healthStatus:
            status.getChild("health-status", "http://jitsi.org/protocol/health")?.attrs["status"] ?? "",
          session,
        });
      }
      return;
    }
    const known = this.#bridges.get(nickname);
    if (!available) {
      if (known !== undefined) this.#onBridgeLost(known);
      return;
    }
    const stats = presence.getChild("stats", "http://jitsi.org/protocol/colibri");
    if (stats === undefined) return;
    const statistics = Object.fromEntries(
      stats.getChildren("stat").map(({ attrs }) => [attrs["name"] ?? "", attrs["value"] ?? ""]),
    );
    const bridge: Bridge = {
      nickname,
      statistics,
      endpoints: Number(statistics["local_endpoints"]),
      conferences: Number(statistics["conferences"]),
      session,
      moving: known?.moving ?? false,
    };
    this.#bridges.set(nickname, bridge);
    if (statistics["shutting_down"] === "true" && bridge.endpoints > 0 && !bridge.moving) {
      bridge.moving = true;
      setTimeout(() => {
        const current = this.#bridges.get(nickname);
        if (current === undefined) return;
        this.move(current, current.endpoints);
        setTimeout(() => {
          const later = this.#bridges.get(nickname);
          if (later !== undefined) later.moving = false;
        }, scaledMilliseconds(forcedMoveSeconds));
      }, scaledMilliseconds(forcedMoveSeconds));
    }
  }

  #onBridgeLost(bridge: Bridge): void {
    this.#bridges.delete(bridge.nickname);
    const expected =
      bridge.statistics["shutting_down"] === "true" || bridge.statistics["graceful_shutdown"] === "true";
    if (!expected) this.lostBridges += 1;
    setTimeout(() => this.move(bridge, bridge.endpoints, true), scaledMilliseconds(lostMoveSeconds));
  }

  #tick(): void {
    const now = Date.now();
    if (this.#brewery.connected) {
      if (this.#disconnectedSince !== undefined || !this.#everConnected) this.#connectedSince = now;
      this.#everConnected = true;
      this.#disconnectedSince = undefined;
      if (now - this.#connectedSince > settleMilliseconds) this.#forgetOlderThan(this.#brewery.disconnects);
      return;
    }
    if (!this.#everConnected) return;
    this.#disconnectedSince ??= now;
    if (now - this.#disconnectedSince > scaledMilliseconds(giveUpSeconds)) this.#forgetOlderThan(Infinity);
  }

  #forgetOlderThan(session: number): void {
    for (const [nickname, bridge] of this.#bridges) {
      if (bridge.session >= session) continue;
      this.#bridges.delete(nickname);
      this.lostBridges += 1;
    }
    for (const [nickname, jibri] of this.#jibris) {
      if (jibri.session < session) this.#jibris.delete(nickname);
    }
  }
}
