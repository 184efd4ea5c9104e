/**
 * The part of strophe.js that the XMPP client uses, typed here: the package's own types need the DOM's, and this
 * program is no browser program.
 */

/** An XML element as Strophe hands it to handlers. */
export interface XmlElement {
  readonly nodeName: string;
  readonly textContent: string | null;
  /** Only the element children of interest are told apart by their `nodeName`. */
  readonly childNodes: ArrayLike<XmlElement>;
  getAttribute(name: string): string | null;
  getElementsByTagName(name: string): ArrayLike<XmlElement>;
}

/** An element under construction: `c` opens a child and moves into it, `t` adds text. */
export interface StanzaBuilder {
  c(name: string, attributes?: Record<string, string>): StanzaBuilder;
  t(text: string): StanzaBuilder;
}

type Attributes = Record<string, string>;

/** XEP-0198 as Strophe does it: by itself whenever it connects, where the server offers it. */
interface StreamManagementOptions {
  enableStreamManagement: true;
  /** Without a storage of its own a connection would look for the browser's. */
  streamManagement: { storage: object };
}

export interface StropheConnection {
  /** Whatever the next `connect` connects to. */
  service: string;
  readonly jid: string;
  /** Where stream management is enabled. */
  readonly sm?: { readonly state: { readonly id: string | null; readonly resumeSupported: boolean } };
  /** Whether this connection goes on with the session of the one before. */
  hasResumed(): boolean;
  /** How often a BOSH request is sent again before the connection is given up. */
  maxRetries: number;
  connect(
    jid: string,
    password: string | undefined,
    onStatus: (status: number, condition: string | null | undefined) => void,
  ): void;
  disconnect(reason: string): void;
  /** A handler stays as long as it returns true. */
  addHandler(
    handler: (stanza: XmlElement) => boolean,
    namespace: string | null,
    name: string,
    type?: string | null,
    id?: string | null,
    from?: string | null,
    options?: { matchBareFromJid: boolean },
  ): unknown;
  send(stanza: StanzaBuilder): void;
  sendIQ(
    stanza: StanzaBuilder,
    onResult: () => void,
    /** With null when there was no answer in time. */
    onError: (stanza: XmlElement | null) => void,
    timeoutMilliseconds: number,
  ): string;
}

interface StropheModule {
  MemoryStorageBackend: new () => object;
  Strophe: {
    Connection: new (service: string, options?: StreamManagementOptions) => StropheConnection;
    Status: Record<"CONNECTED" | "CONNFAIL" | "AUTHFAIL" | "DISCONNECTED" | "CONNTIMEOUT", number>;
    LogLevel: Record<"FATAL", number>;
    setLogLevel(level: number): void;
  };
  $pres: (attributes: Attributes) => StanzaBuilder;
  $msg: (attributes: Attributes) => StanzaBuilder;
  $iq: (attributes: Attributes) => StanzaBuilder;
}

/** Loads strophe.js, which puts its WebSocket and XML parser among the globals. */
export function loadStrophe(): StropheModule {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- see above: its types can't be read here
  return require("strophe.js") as StropheModule;
}
