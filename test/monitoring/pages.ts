import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { metricsPage, type InstancePage } from "../../scaler/agent/metricsPage";

/** A recorded answer without what the recording wrote around it. */
const recorded = (file: string): string =>
  readFileSync(`test/fixtures/recorded/${file}`, "utf8")
    .replace(/^[^]*?\r?\n\r?\n(?=# )/, "")
    .replace(/\n# exit \d+\s*$/, "\n")
    .replace(/(# EOF\n)\s+$/, "$1");

const pages = {
  jvb: recorded("jvb2_conf_metrics.http"),
  jicofo: recorded("jicofo_conf_metrics.http"),
  jibri: recorded("jibri_metrics_busy.http"),
  prosody: recorded("monitoring/prosody_metrics_two_rooms_five_users.txt"),
  haproxy: recorded("monitoring/haproxy_metrics_26.txt"),
} as const;
export type Recorded = keyof typeof pages;

/** A page as the program of that name was seen to answer, with other values for some of its samples. */
export interface Served {
  readonly as: Recorded;
  /** By the sample's name, as it is asked for the nth time. */
  readonly values?: Readonly<Record<string, (nth: number) => number>>;
}
/** An agent's page of these instances. */
export type Instances = readonly (Served & Pick<InstancePage, "labels">)[];

/** Serves recorded pages of metrics over TLS, to who has the token. */
export class Pages {
  private readonly asked = new Map<string, number>();
  /** Which of its samples had which value, each time it was asked, by path. */
  readonly told = new Map<string, number[]>();
  private server: Server | undefined;

  constructor(
    private readonly served: Readonly<Record<string, Served | Instances>>,
    private readonly token: string,
    /** PEM: certificate and key. */
    private readonly pem: Buffer,
  ) {}

  get url(): string {
    return `https://127.0.0.1:${(this.server?.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    const server = createServer({ cert: this.pem, key: this.pem }, (request, response) => {
      const path = request.url ?? "";
      const page = this.served[path];
      if (!page || request.headers.authorization !== `Bearer ${this.token}`) {
        response.writeHead(page ? 401 : 404).end();
        return;
      }
      const nth = (this.asked.get(path) ?? 0) + 1;
      this.asked.set(path, nth);
      const isText = !("as" in page) || page.as === "haproxy";
      const type = isText ? "text/plain; version=0.0.4" : "application/openmetrics-text; version=1.0.0";
      const text =
        "as" in page
          ? this.text(path, page, nth)
          : metricsPage(
              page.map((one) => ({
                labels: one.labels,
                text: this.text(`${path} ${one.labels["instance"] ?? ""}`, one, nth),
              })),
            );
      response.setHeader("Content-Type", type);
      response.end(text);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.server = server;
  }

  private text(path: string, { as, values = {} }: Served, nth: number): string {
    let text: string = pages[as];
    for (const [sample, value] of Object.entries(values)) {
      const told = value(nth);
      this.told.set(`${path} ${sample}`, [...(this.told.get(`${path} ${sample}`) ?? []), told]);
      text = text.replaceAll(new RegExp(`^(${sample}(?:\\{[^}]*\\})?) \\S+`, "gm"), `$1 ${told}`);
    }
    return text;
  }

  stop(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }
}
