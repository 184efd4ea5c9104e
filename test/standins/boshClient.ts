const httpBind = "http://jabber.org/protocol/httpbind";
const requestLimitMilliseconds = 15_000;

/** Who logs in, where that is not anybody. */
export interface Account {
  readonly name: string;
  readonly password: string;
}

const ANONYMOUS = "mechanism='ANONYMOUS'/>";
const plain = ({ name, password }: Account): string =>
  `mechanism='PLAIN'>${Buffer.from(`\0${name}\0${password}`).toString("base64")}</auth>`;

/** An XMPP client over BOSH that is in one room: enough to be a participant that servers can count. */
export class BoshParticipant {
  #requestId = Math.floor(Math.random() * 1e9);
  #session = "";
  readonly #nicknames = new Set<string>();

  private constructor(
    private readonly url: string,
    private readonly domain: string,
  ) {}

  /**
   * Logs in and joins a room.
   * @throws when a step is refused or nothing answers within 15 s.
   */
  static async join(
    url: string,
    domain: string,
    room: string,
    nickname: string,
    account?: Account,
  ): Promise<BoshParticipant> {
    const client = new BoshParticipant(url, domain);
    const start = `to='${domain}' wait='5' hold='1' ver='1.6' xml:lang='en' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'`;
    const opened = await client.#post(start, "");
    client.#session = /sid='([^']+)'/.exec(opened.replaceAll('"', "'"))?.[1] ?? "";
    await client.#expect(
      "<success",
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' ${account === undefined ? ANONYMOUS : plain(account)}`,
    );
    await client.#post(`to='${domain}' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'`, "");
    await client.#expect(
      "<jid>",
      "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    );
    const joined = await client.#post(
      "",
      `<presence xmlns='jabber:client' to='${room}/${nickname}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
    );
    client.#note(joined);
    return client;
  }

  /** The nicknames in the room, after waiting for what the server has to say (at most 5 s). */
  async occupants(): Promise<string[]> {
    this.#note(await this.#post("", ""));
    return [...this.#nicknames].sort();
  }

  async leave(): Promise<void> {
    await this.#post("type='terminate'", "<presence xmlns='jabber:client' type='unavailable'/>");
  }

  #note(answer: string): void {
    for (const [presence, attributes = ""] of answer.matchAll(/<presence([^>]*)>/g)) {
      const nickname = /from=['"][^'"]*\/([^'"]*)['"]/.exec(attributes)?.[1];
      if (nickname === undefined) continue;
      if (presence.includes("unavailable")) this.#nicknames.delete(nickname);
      else this.#nicknames.add(nickname);
    }
  }

  async #expect(part: string, stanza: string): Promise<void> {
    const answer = await this.#post("", stanza);
    if (!answer.includes(part)) throw new Error(`${this.domain}: no ${part} in ${answer}`);
  }

  async #post(attributes: string, content: string): Promise<string> {
    this.#requestId += 1;
    const session = this.#session === "" ? "" : `sid='${this.#session}'`;
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "Content-Type": "text/xml; charset=utf-8" },
      body: `<body rid='${this.#requestId}' ${session} ${attributes} xmlns='${httpBind}'>${content}</body>`,
      signal: AbortSignal.timeout(requestLimitMilliseconds),
    });
    const answer = await response.text();
    if (!response.ok || /condition=/.test(answer)) throw new Error(`BOSH: ${response.status} ${answer}`);
    return answer;
  }
}
