import type { Element } from "@xmpp/client";

import { Brewery, type BreweryArgs, type Occupant } from "../brewery";
import { text, xmppServers } from "../environment";
import type { MucCounts } from "./statistics";

interface Callbacks {
  presence: () => Element[];
  /** `reply` speaks in the same brewery. */
  onMessage: (from: Occupant, message: Element, reply: (to: Occupant, content: Element) => void) => void;
}

/** The shards a bridge serves: those of the environment, and those added and removed over REST. */
export class MucClients {
  readonly #clients = new Map<string, Brewery>();
  readonly #rooms = new Map<string, number>();

  constructor(private readonly callbacks: Callbacks) {
    xmppServers().forEach((server, index) => {
      this.#start(`shard${index}`, {
        server,
        domain: text("XMPP_AUTH_DOMAIN", "auth.meet.jitsi"),
        username: text("JVB_AUTH_USER", "jvb"),
        password: text("JVB_AUTH_PASSWORD"),
        rooms: [
          `${text("JVB_BREWERY_MUC", "jvbbrewery")}@${text("XMPP_INTERNAL_MUC_DOMAIN", "internal-muc.meet.jitsi")}`,
        ],
        nickname: text("JVB_MUC_NICKNAME", text("HOSTNAME")),
      });
    });
  }

  #start(id: string, args: BreweryArgs): void {
    const brewery: Brewery = new Brewery({
      ...args,
      presence: this.callbacks.presence,
      onMessage: (from, message) =>
        this.callbacks.onMessage(from, message, (to, content) => brewery.tell(to, content)),
    });
    this.#clients.set(id, brewery);
    this.#rooms.set(id, args.rooms.length);
  }

  get ids(): string[] {
    return [...this.#clients.keys()];
  }

  get counts(): MucCounts {
    const clients = [...this.#clients.values()];
    return {
      clientsConfigured: clients.length,
      clientsConnected: clients.filter((client) => client.connected).length,
      mucsConfigured: [...this.#rooms.values()].reduce((sum, rooms) => sum + rooms, 0),
      mucsJoined: clients.reduce((sum, client) => sum + client.joinedRooms, 0),
    };
  }

  /** The body of `/colibri/muc-client/add`: an id and the client's properties. False when something is missing. */
  add(properties: Record<string, unknown>): boolean {
    const of = Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [
        name.toLowerCase(),
        typeof value === "string" ? value : "",
      ]),
    );
    const { id, hostname, username, password, muc_jids: rooms, muc_nickname: nickname } = of;
    if (!id || !hostname || !username || !password || !rooms || !nickname) return false;
    this.remove(id);
    this.#start(id, {
      server: { host: hostname, port: Number(of["port"] ?? 5222) },
      domain: of["domain"] ?? hostname,
      username,
      password,
      rooms: rooms.split(","),
      nickname,
    });
    return true;
  }

  /** False when there is no client of this id. */
  remove(id: string): boolean {
    const client = this.#clients.get(id);
    if (client === undefined) return false;
    void client.leave();
    this.#clients.delete(id);
    this.#rooms.delete(id);
    return true;
  }

  announce(): void {
    for (const client of this.#clients.values()) client.announce();
  }

  async leave(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.leave()));
  }
}
