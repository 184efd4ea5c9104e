import { EventEmitter, once } from "node:events";
import type { Route } from "./agents";
import { closeTraffic, installBrowserGlobals, openTraffic } from "./browserGlobals";
import { withTimeLimit } from "./concurrency";
import { loadStrophe, type StanzaBuilder, type StropheConnection, type XmlElement } from "./strophe";

export interface JoinRequest extends Route {
  transport: "bosh" | "websocket";
  /** Scheme, host and port of the edge: "https://meet.example.org". */
  origin: string;
  room: string;
  /** The first part of the path, as in https://meet.example.org/tenant/room. */
  tenant?: string;
  nick: string;
  /** Default "meet.jitsi". */
  xmppDomain?: string;
  /** Default "muc." and the XMPP domain. */
  mucDomain?: string;
  /** Default 10, as in lib-jitsi-meet; the third ping in a row without an answer ends the session. */
  pingIntervalSeconds?: number;
  /** How long an answer may take; default 5, as in lib-jitsi-meet. */
  pingTimeoutSeconds?: number;
  /** From the first connection to the room's own presence; default 15. */
  timeoutSeconds?: number;
  /**
   * Where a websocket breaks its session is resumed (XEP-0198), as lib-jitsi-meet does; no try begins later than so
   * many seconds after the break. Default: none begins, so that every break is a cut. Pings without an answer end the
   * session all the same.
   */
  resumeWithinSeconds?: number;
  /** From the break to the first try, and between tries; default: drawn as lib-jitsi-meet draws it, 1.5 to 3 at first. */
  resumeDelaySeconds?: number;
}

export interface JoinAnswer {
  /** Names the session in the other commands. */
  session: string;
  /** The full JID the server gave to this anonymous user. */
  jid: string;
  roomJid: string;
  /** The first `x-jitsi-shard` header seen, null when there was none. */
  shard: string | null;
  milliseconds: number;
}

export interface Occupant {
  nick: string;
  affiliation: string;
  role: string;
}

export interface ChatMessage {
  nick: string;
  text: string;
  /** When it arrived, in milliseconds since the epoch. */
  at: number;
}

/** A websocket broke, and another one went on with its session: nobody in the room saw the user go. */
export interface Resumption {
  /** The full JID, which must be the one before. */
  jid: string;
  /** The header `x-jitsi-shard` of the new websocket's handshake, null when there was none. */
  shard: string | null;
  /** From the break on. */
  milliseconds: number;
}

export interface SessionState {
  /** False once the session was cut, by whatever cause. */
  joined: boolean;
  /** Every value of the header `x-jitsi-shard` seen, in order of appearance: more than one is a fault. */
  shards: string[];
  /** Failed requests and sockets, those that Strophe recovered from too. */
  faults: { reason: string; at: number }[];
  resumptions: Resumption[];
  /** Nicks of others in the order in which they left the room. */
  departures: string[];
}

export type XmppEvent =
  /** The session ended though nobody left: a cut. */
  | { event: "xmpp.disconnected"; session: string; reason: string; at: number }
  /** A request or socket failed; the session goes on if Strophe can repair it. */
  | { event: "xmpp.fault"; session: string; reason: string; at: number };

const NS_MUC = "http://jabber.org/protocol/muc";
const NS_PING = "urn:xmpp:ping";
const SHARD_HEADER = "x-jitsi-shard";
const SELF_PRESENCE = "110";

const PINGS_MAY_FAIL = 2;
/** As in lib-jitsi-meet. */
const BOSH_RETRIES = 3;

/** As in lib-jitsi-meet: the nth try comes after n × 1.5 to 3ⁿ s. */
function resumeDelaySeconds(tries: number): number {
  const least = tries * 1.5;
  return least + Math.random() * (3 ** tries - least);
}

const { MemoryStorageBackend, Strophe, $iq, $msg, $pres } = loadStrophe();
installBrowserGlobals();
Strophe.setLogLevel(Strophe.LogLevel.FATAL);

/** The worker's XMPP sessions: anonymous users of Jitsi Meet, without media. */
export class XmppSessions {
  private readonly sessions = new Map<string, XmppSession>();
  private count = 0;

  constructor(private readonly report: (event: XmppEvent) => void) {}

  /** Logs in and joins the room. Rejects with the reason when the server refuses either or takes too long. */
  async join(request: JoinRequest): Promise<JoinAnswer> {
    this.count += 1;
    const session = new XmppSession(`s${this.count}`, request, this.report);
    this.sessions.set(session.id, session);
    try {
      return await session.join();
    } catch (error) {
      this.sessions.delete(session.id);
      await session.close();
      throw error;
    }
  }

  get(id: string): XmppSession {
    const session = this.sessions.get(id);
    if (session === undefined) throw new Error(`no XMPP session "${id}"`);
    return session;
  }

  /** Leaves the room and logs out; a session that is cut already is forgotten. */
  async leave(id: string): Promise<void> {
    const session = this.get(id);
    this.sessions.delete(id);
    await session.leave();
  }
}

class XmppSession {
  private readonly connection: StropheConnection;
  private readonly roomJid: string;
  private readonly domain: string;
  private readonly changed = new EventEmitter();
  private readonly occupantsByNick = new Map<string, Occupant>();
  private readonly received: ChatMessage[] = [];
  private readonly shards: string[] = [];
  private readonly faults: SessionState["faults"] = [];
  private readonly resumptions: Resumption[] = [];
  private readonly departures: string[] = [];
  /** Of the answer before. */
  private lastShard: string | null = null;
  /** While the websocket is broken and its session may still be resumed. */
  private break: { at: number; previousId: string; tries: number; timer?: NodeJS.Timeout } | undefined;
  private state: "joining" | "joined" | "leaving" | "ended" = "joining";
  private whyEnded = "";
  private connected = false;
  private pingsMissed = 0;
  private pingTimer: NodeJS.Timeout | undefined;

  constructor(
    readonly id: string,
    private readonly request: JoinRequest,
    private readonly report: (event: XmppEvent) => void,
  ) {
    // One waiting command per listener, and a test may have many waiting.
    this.changed.setMaxListeners(0);
    this.domain = request.xmppDomain ?? "meet.jitsi";
    this.roomJid = `${request.room.toLowerCase()}@${request.mucDomain ?? `muc.${this.domain}`}`;
    const service = openTraffic(id, serviceUrl(request), {
      route: request,
      onHeaders: (headers) => {
        const shard = headers[SHARD_HEADER];
        this.lastShard = shard ?? null;
        if (shard !== undefined && !this.shards.includes(shard)) this.shards.push(shard);
      },
      onFault: (reason) => {
        const fault = { reason, at: Date.now() };
        this.faults.push(fault);
        if (this.state === "joined") this.report({ event: "xmpp.fault", session: id, ...fault });
      },
    });
    this.connection =
      request.resumeWithinSeconds === undefined
        ? new Strophe.Connection(service)
        : new Strophe.Connection(service, {
            enableStreamManagement: true,
            streamManagement: { storage: new MemoryStorageBackend() },
          });
    this.connection.maxRetries = BOSH_RETRIES;
  }

  async join(): Promise<JoinAnswer> {
    const started = performance.now();
    this.connect();
    await this.until(() => this.state !== "joining", this.request.timeoutSeconds ?? 15, "joining the room");
    if (this.state === "ended") throw new Error(`could not join ${this.roomJid}: ${this.describeEnd()}`);
    this.schedulePing();
    return {
      session: this.id,
      jid: this.connection.jid,
      roomJid: this.roomJid,
      shard: this.shards[0] ?? null,
      milliseconds: Math.round(performance.now() - started),
    };
  }

  private connect(): void {
    this.connection.connect(this.domain, undefined, (status, condition) => {
      if (status === Strophe.Status.CONNECTED) {
        this.connected = true;
        if (this.break === undefined) this.enterRoom();
        else this.resumed(this.break.at);
      } else if (
        status === Strophe.Status.CONNFAIL ||
        status === Strophe.Status.AUTHFAIL ||
        status === Strophe.Status.CONNTIMEOUT
      ) {
        // DISCONNECTED follows, without this reason.
        this.whyEnded ||= condition ?? "the connection failed";
      } else if (status === Strophe.Status.DISCONNECTED) {
        this.connected = false;
        this.changed.emit("changed");
        if (!this.resumesLater()) this.end(condition ?? "disconnected");
      }
    });
  }

  /** Plans the next try to resume, unless there is one or nothing to be resumed any more. */
  private resumesLater(): boolean {
    const { resumeDelaySeconds: fixedDelay, resumeWithinSeconds } = this.request;
    if (this.state !== "joined" || resumeWithinSeconds === undefined) return false;
    clearInterval(this.pingTimer);
    const previousId = this.connection.sm?.state.id;
    if (this.break === undefined && typeof previousId === "string")
      this.break = { at: performance.now(), previousId, tries: 0 };
    const broken = this.break;
    if (broken === undefined) return false;
    // Strophe may tell of one end twice.
    if (broken.timer !== undefined) return true;
    broken.tries += 1;
    const delay = (fixedDelay ?? resumeDelaySeconds(broken.tries)) * 1000;
    if (performance.now() + delay > broken.at + resumeWithinSeconds * 1000) return false;
    broken.timer = setTimeout(() => {
      delete broken.timer;
      // By this Jitsi's Prosody finds the name that the anonymous user had.
      const service = new URL(this.connection.service);
      service.searchParams.set("previd", broken.previousId);
      this.connection.service = service.href;
      this.connect();
    }, delay);
    return true;
  }

  private resumed(since: number): void {
    this.break = undefined;
    if (!this.connection.hasResumed()) {
      this.end("the server did not resume the session");
      this.connection.disconnect("not resumed");
      return;
    }
    this.whyEnded = "";
    this.listen();
    this.pingsMissed = 0;
    this.schedulePing();
    this.resumptions.push({
      jid: this.connection.jid,
      shard: this.lastShard,
      milliseconds: Math.round(performance.now() - since),
    });
    this.changed.emit("changed");
  }

  occupants(): Occupant[] {
    return [...this.occupantsByNick.values()];
  }

  messages(): ChatMessage[] {
    return [...this.received];
  }

  describe(): SessionState {
    return {
      joined: this.state === "joined",
      shards: [...this.shards],
      faults: [...this.faults],
      resumptions: [...this.resumptions],
      departures: [...this.departures],
    };
  }

  say(text: string): void {
    if (this.state !== "joined") throw new Error(`session ${this.id} is over: ${this.describeEnd()}`);
    if (!this.connected) throw new Error(`session ${this.id} is not connected`);
    this.connection.send($msg({ to: this.roomJid, type: "groupchat" }).c("body").t(text));
  }

  /** Waits until exactly these nicks are in the room, in any order. */
  async awaitOccupants(nicks: string[], timeoutSeconds: number): Promise<Occupant[]> {
    const wanted = [...nicks].sort().join(" ");
    const there = (): string => [...this.occupantsByNick.keys()].sort().join(" ");
    await this.until(
      () => there() === wanted,
      timeoutSeconds,
      () => `waiting for [${wanted}], there is [${there()}]`,
    );
    return this.occupants();
  }

  /** Waits for a message with this text, or takes one that has already come. */
  async awaitMessage(text: string, timeoutSeconds: number): Promise<ChatMessage> {
    const find = (): ChatMessage | undefined => this.received.find((message) => message.text === text);
    await this.untilOrEnd(() => find() !== undefined, timeoutSeconds, `waiting for the message "${text}"`);
    return find() as ChatMessage;
  }

  async awaitResumption(times: number, timeoutSeconds: number): Promise<Resumption> {
    const find = (): Resumption | undefined => this.resumptions[times - 1];
    await this.untilOrEnd(() => find() !== undefined, timeoutSeconds, `waiting for resumption ${times}`);
    return find() as Resumption;
  }

  async leave(): Promise<void> {
    if (this.state === "joined" && this.connected) {
      this.state = "leaving";
      this.connection.send($pres({ to: this.ownJid(), type: "unavailable" }));
      // Where nobody answers any more, there is nothing left to leave.
      const left = this.untilOrEnd(() => !this.occupantsByNick.has(this.request.nick), 2, "leaving the room");
      await left.catch(() => undefined);
    }
    await this.close();
  }

  /** Ends the connection, in good order unless it was cut. */
  async close(): Promise<void> {
    clearInterval(this.pingTimer);
    clearTimeout(this.break?.timer);
    const inGoodOrder = this.state !== "ended";
    if (inGoodOrder) this.state = "leaving";
    this.connection.disconnect("left");
    // Strophe itself gives up after 3 s; were it never to say so, its connections are still closed below.
    if (inGoodOrder) await this.until(() => !this.connected, 5, "disconnecting").catch(() => undefined);
    closeTraffic(this.id);
  }

  private ownJid(): string {
    return `${this.roomJid}/${this.request.nick}`;
  }

  private enterRoom(): void {
    this.listen();
    this.connection.send($pres({ to: this.ownJid() }).c("x", { xmlns: NS_MUC }));
  }

  private listen(): void {
    const fromRoom = { matchBareFromJid: true };
    const handlePresence = (stanza: XmlElement): boolean => this.onPresence(stanza);
    const handleMessage = (stanza: XmlElement): boolean => this.onMessage(stanza);
    this.connection.addHandler(handlePresence, null, "presence", null, null, this.roomJid, fromRoom);
    this.connection.addHandler(handleMessage, null, "message", "groupchat", null, this.roomJid, fromRoom);
  }

  private onPresence(stanza: XmlElement): true {
    const nick = resourceOf(stanza);
    const type = stanza.getAttribute("type");
    if (type === "error") {
      if (this.state === "joining") this.end(`the room refused: ${errorCondition(stanza)}`);
      return true;
    }
    if (type === "unavailable") {
      this.occupantsByNick.delete(nick);
      if (nick !== this.request.nick) this.departures.push(nick);
      if (nick === this.request.nick && this.state === "joined") this.end("removed from the room");
    } else {
      const item = stanza.getElementsByTagName("item")[0];
      this.occupantsByNick.set(nick, {
        nick,
        affiliation: item?.getAttribute("affiliation") ?? "none",
        role: item?.getAttribute("role") ?? "none",
      });
      const codes = Array.from(stanza.getElementsByTagName("status"), (status) =>
        status.getAttribute("code"),
      );
      // The room sends the presence of everybody else first, the user's own last.
      if (codes.includes(SELF_PRESENCE) && this.state === "joining") this.state = "joined";
    }
    this.changed.emit("changed");
    return true;
  }

  private onMessage(stanza: XmlElement): true {
    const body = stanza.getElementsByTagName("body")[0];
    if (body !== undefined) {
      this.received.push({ nick: resourceOf(stanza), text: body.textContent ?? "", at: Date.now() });
      this.changed.emit("changed");
    }
    return true;
  }

  /** An end that nobody asked for is reported; what waits for something in the session learns of it. */
  private end(reason: string): void {
    const before = this.state;
    if (before === "ended") return;
    this.state = "ended";
    this.whyEnded ||= reason;
    clearInterval(this.pingTimer);
    if (before === "joined") {
      const event = { event: "xmpp.disconnected", session: this.id, at: Date.now() } as const;
      this.report({ ...event, reason: this.describeEnd() });
    }
    this.changed.emit("changed");
  }

  private describeEnd(): string {
    const last = this.faults.at(-1);
    return last === undefined ? this.whyEnded : `${this.whyEnded} (last fault: ${last.reason})`;
  }

  private schedulePing(): void {
    this.pingTimer = setInterval(
      () => {
        const ping: StanzaBuilder = $iq({ to: this.domain, type: "get" }).c("ping", { xmlns: NS_PING });
        const onAnswer = (): void => {
          this.pingsMissed = 0;
        };
        const onError = (answer: XmlElement | null): void => {
          // A server without XEP-0199 answers with an error, and thereby proves to be there.
          this.pingsMissed = answer === null ? this.pingsMissed + 1 : 0;
          if (this.pingsMissed <= PINGS_MAY_FAIL || this.state !== "joined") return;
          this.end(`${this.pingsMissed} pings in a row without an answer`);
          this.connection.disconnect("ping timeout");
        };
        this.connection.sendIQ(ping, onAnswer, onError, (this.request.pingTimeoutSeconds ?? 5) * 1000);
      },
      (this.request.pingIntervalSeconds ?? 10) * 1000,
    );
  }

  private async untilOrEnd(
    condition: () => boolean,
    timeoutSeconds: number,
    what: string | (() => string),
  ): Promise<void> {
    await this.until(() => condition() || this.state === "ended", timeoutSeconds, what);
    if (!condition()) throw new Error(`session ${this.id} is over: ${this.describeEnd()}`);
  }

  private async until(
    condition: () => boolean,
    timeoutSeconds: number,
    what: string | (() => string),
  ): Promise<void> {
    const stop = new AbortController();
    const wait = async (): Promise<void> => {
      while (!condition()) await once(this.changed, "changed", { signal: stop.signal });
    };
    const waiting = wait();
    waiting.catch(() => undefined);
    try {
      await withTimeLimit(waiting, timeoutSeconds, `${this.roomJid}/${this.request.nick}`);
    } catch (error) {
      const fault = this.faults.at(-1)?.reason ?? "none";
      const detail = typeof what === "string" ? what : what();
      throw new Error(`${detail}: ${(error as Error).message} (last fault: ${fault})`, { cause: error });
    } finally {
      stop.abort();
    }
  }
}

function serviceUrl(request: JoinRequest): URL {
  const prefix = request.tenant === undefined ? "" : `/${request.tenant}`;
  const path = request.transport === "bosh" ? "http-bind" : "xmpp-websocket";
  const url = new URL(`${prefix}/${path}`, request.origin);
  if (request.transport === "websocket") url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.searchParams.set("room", request.room.toLowerCase());
  return url;
}

function resourceOf(stanza: XmlElement): string {
  return (stanza.getAttribute("from") ?? "").split("/").slice(1).join("/");
}

function errorCondition(stanza: XmlElement): string {
  const error = stanza.getElementsByTagName("error")[0];
  const children = Array.from(error?.childNodes ?? [], (child) => child.nodeName);
  return children.find((name) => name !== "text") ?? "unknown error";
}
