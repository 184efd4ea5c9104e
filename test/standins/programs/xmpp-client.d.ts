/** The part of @xmpp/client (npm, no types of its own) that the stand-ins use. */
declare module "@xmpp/client" {
  import { EventEmitter } from "node:events";

  export interface Element {
    name: string;
    attrs: Record<string, string | undefined>;
    children: (Element | string)[];
    getChild(name: string, namespace?: string): Element | undefined;
    getChildren(name: string, namespace?: string): Element[];
  }

  export interface Client extends EventEmitter {
    reconnect: { stop(): void };
    socket: EventEmitter | null;
    iqCaller: { request(stanza: Element, timeoutMilliseconds: number): Promise<Element> };
    /** Settles when the session is online; rejects when it cannot be reached or refuses the login. */
    start(): Promise<unknown>;
    /** Closes the stream and the connection, waiting at most a few seconds for the server. */
    stop(): Promise<unknown>;
    send(stanza: Element): Promise<void>;
  }

  export function client(options: {
    service: string;
    domain: string;
    username: string;
    credentials: (
      authenticate: (credentials: { username: string; password: string }, mechanism: string) => Promise<void>,
    ) => Promise<void>;
  }): Client;

  export function xml(
    name: string,
    attributes: Record<string, string | undefined>,
    ...children: (Element | string)[]
  ): Element;
}
