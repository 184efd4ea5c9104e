import { client, xml, type Client, type Element } from "@xmpp/client";

import { scaledMilliseconds, type XmppServer } from "./environment";

// Prosody's certificate is self-signed and made anew at each start; the real programs are told not to check it either
// (DISABLE_CERTIFICATE_VERIFICATION), and the library has no option for it.
process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";

const firstRetrySeconds = 1;
const lastRetrySeconds = 5;
const loginSeconds = 10;
const pingSeconds = 5;
const pingTimeoutSeconds = 5;
/** A process must be gone within 2 s of SIGTERM: so long for the farewell to be heard, and for the stream to close. */
const farewellMilliseconds = 1000;
const closeMilliseconds = 500;

export interface Occupant {
  /** Bare JID of the room. */
  room: string;
  nickname: string;
}

export interface BreweryArgs {
  server: XmppServer;
  /** The domain of the service accounts. */
  domain: string;
  username: string;
  password: string;
  /** Bare JIDs of the rooms to join. */
  rooms: string[];
  nickname: string;
  /** What this member tells about itself, asked for at each presence. */
  presence?: () => Element[];
  onPresence?: (occupant: Occupant, presence: Element, available: boolean) => void;
  onMessage?: (from: Occupant, message: Element) => void;
}

function occupantOf(jid = ""): Occupant {
  const slash = jid.indexOf("/");
  return slash < 0
    ? { room: jid, nickname: "" }
    : { room: jid.slice(0, slash), nickname: jid.slice(slash + 1) };
}

/**
 * One login at one Prosody and the rooms joined there, kept up for the life of the process: whatever ends the session,
 * another is tried after 1 s, later after at most 5 s.
 */
export class Brewery {
  /** Logged in, as `muc_clients_connected` counts it. */
  connected = false;
  /** How many sessions were lost. */
  disconnects = 0;
  readonly #joined = new Set<string>();
  #session: Client | undefined;
  #left = false;
  #cancelRetry: () => void = () => undefined;
  #onAllLeft: () => void = () => undefined;

  constructor(private readonly args: BreweryArgs) {
    void this.#stayConnected();
  }

  /** How many rooms this process is really in: the server has said so. */
  get joinedRooms(): number {
    return this.#joined.size;
  }

  /** Sends the presence again: something that it tells has changed. */
  announce(): void {
    const session = this.#session;
    // A presence after the farewell would join again.
    if (session === undefined || !this.connected || this.#left) return;
    for (const room of this.args.rooms) {
      this.#send(
        session,
        xml(
          "presence",
          { to: `${room}/${this.args.nickname}` },
          xml("x", { xmlns: "http://jabber.org/protocol/muc" }),
          ...(this.args.presence?.() ?? []),
        ),
      );
    }
  }

  /** A private message to a member of a room. */
  tell(to: Occupant, content: Element): void {
    if (this.#session === undefined) return;
    this.#send(this.#session, xml("message", { to: `${to.room}/${to.nickname}`, type: "chat" }, content));
  }

  /** Leaves the rooms and closes the session; over within 1.5 s whatever the server does. */
  async leave(): Promise<void> {
    this.#left = true;
    this.#cancelRetry();
    const session = this.#session;
    if (session === undefined) return;
    for (const room of this.args.rooms) {
      this.#send(session, xml("presence", { to: `${room}/${this.args.nickname}`, type: "unavailable" }));
    }
    // A connection that ends with words unheard is kept for a while by the server (XEP-0198), and the occupant with it.
    await Promise.race([
      new Promise<void>((resolve) => {
        this.#onAllLeft = resolve;
        if (this.#joined.size === 0) resolve();
      }),
      new Promise((resolve) => setTimeout(resolve, farewellMilliseconds)),
    ]);
    await Promise.race([
      session.stop().catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, closeMilliseconds)),
    ]);
  }

  #send(session: Client, stanza: Element): void {
    session.send(stanza).catch((error: unknown) => console.error("stanza not sent:", String(error)));
  }

  async #stayConnected(): Promise<void> {
    let retrySeconds = firstRetrySeconds;
    while (!this.#left) {
      const reached = await this.#runSession();
      retrySeconds = reached ? firstRetrySeconds : Math.min(retrySeconds * 2, lastRetrySeconds);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, scaledMilliseconds(retrySeconds));
        this.#cancelRetry = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** One session from login to its end. Resolves, never rejects, with whether the login succeeded. */
  #runSession(): Promise<boolean> {
    const { server, domain, username, password } = this.args;
    const session = client({
      service: `xmpp://${server.host}:${server.port}`,
      domain,
      username,
      // The stream is encrypted by then, and the library's SCRAM costs two seconds of a processor.
      credentials: (authenticate) => authenticate({ username, password }, "PLAIN"),
    });
    // Its own reconnection knows neither back-off nor a session that must start afresh.
    session.reconnect.stop();
    this.#session = session;
    return new Promise((resolve) => {
      let reached = false;
      let over = false;
      const end = (reason: string): void => {
        if (over) return;
        over = true;
        clearTimeout(loginTimer);
        clearInterval(pingTimer);
        this.connected = false;
        this.#joined.clear();
        this.#session = undefined;
        if (reached) this.disconnects += 1;
        if (!this.#left) console.error(`${server.host}:${server.port}: session ended: ${reason}`);
        session.stop().catch(() => undefined);
        resolve(reached);
      };
      const loginTimer = setTimeout(() => end("login timed out"), loginSeconds * 1000);
      const pingTimer = setInterval(() => {
        if (!this.connected) return;
        session.iqCaller
          .request(
            xml("iq", { type: "get" }, xml("ping", { xmlns: "urn:xmpp:ping" })),
            pingTimeoutSeconds * 1000,
          )
          .catch((error: unknown) => end(`ping failed: ${String(error)}`));
      }, pingSeconds * 1000);
      // The library drops its parser with the stream, and falls over what the server still sends.
      session.on("close", () => session.socket?.removeAllListeners("data"));
      session.on("error", (error: unknown) => end(String(error)));
      session.on("disconnect", () => end("disconnected"));
      session.on("online", () => {
        reached = true;
        clearTimeout(loginTimer);
        this.connected = true;
        this.announce();
      });
      session.on("stanza", (stanza: Element) => this.#receive(stanza));
      session.start().catch((error: unknown) => end(String(error)));
    });
  }

  #receive(stanza: Element): void {
    const from = occupantOf(stanza.attrs["from"]);
    if (!this.args.rooms.includes(from.room)) return;
    if (stanza.name === "message") this.args.onMessage?.(from, stanza);
    if (stanza.name !== "presence") return;
    if (stanza.attrs["type"] === "error") {
      console.error(`${from.room}: cannot be joined`);
      return;
    }
    const available = stanza.attrs["type"] === undefined;
    if (from.nickname === this.args.nickname) {
      if (available) this.#joined.add(from.room);
      else this.#joined.delete(from.room);
      if (this.#joined.size === 0) this.#onAllLeft();
    } else {
      this.args.onPresence?.(from, stanza, available);
    }
  }
}
