/** What the test runner and the worker say to each other: one JSON value a line, commands in, answers and events out. */
import type { HttpAnswer, HttpBatch, HttpBatchResult, HttpRequest } from "./http";
import type { PortScan, TcpScanResult, UdpScanResult } from "./portScan";
import type { StunAnswer, StunRequest } from "./stun";
import type {
  ChatMessage,
  JoinAnswer,
  JoinRequest,
  Occupant,
  Resumption,
  SessionState,
  XmppEvent,
} from "./xmpp";

export interface Commands {
  "http.get": { args: HttpRequest; result: HttpAnswer };
  "http.batch": { args: HttpBatch; result: HttpBatchResult };
  "xmpp.join": { args: JoinRequest; result: JoinAnswer };
  "xmpp.occupants": { args: { session: string }; result: Occupant[] };
  /** Waits until exactly these nicks are in the room. */
  "xmpp.awaitOccupants": {
    args: { session: string; nicks: string[]; timeoutSeconds: number };
    result: Occupant[];
  };
  "xmpp.say": { args: { session: string; text: string }; result: null };
  "xmpp.messages": { args: { session: string }; result: ChatMessage[] };
  "xmpp.awaitMessage": {
    args: { session: string; text: string; timeoutSeconds: number };
    result: ChatMessage;
  };
  /** Waits until the session was resumed so many times, and tells of the last. */
  "xmpp.awaitResumption": {
    args: { session: string; times: number; timeoutSeconds: number };
    result: Resumption;
  };
  "xmpp.state": { args: { session: string }; result: SessionState };
  "xmpp.leave": { args: { session: string }; result: null };
  "stun.binding": { args: StunRequest; result: StunAnswer };
  "scan.tcp": { args: PortScan; result: TcpScanResult };
  "scan.udp": { args: PortScan; result: UdpScanResult };
}

export type CommandName = keyof Commands;

export type Handlers = { [C in CommandName]: (args: Commands[C]["args"]) => Promise<Commands[C]["result"]> };

export type Request<C extends CommandName = CommandName> = {
  [N in C]: { id: number; command: N; args: Commands[N]["args"] };
}[C];

export type Response = { id: number; ok: true; result: unknown } | { id: number; ok: false; error: string };

export type WorkerEvent = XmppEvent;

export type WorkerLine = Response | WorkerEvent;
