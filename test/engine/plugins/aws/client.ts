/**
 * AWS's five protocols in the least that the stand-in plug-in needs. It speaks to emulators alone: requests name who
 * asks in their credential's scope, as emulators tell services apart, and are not signed.
 */
import { type Element, DOMParser } from "@xmldom/xmldom";
import { setTimeout as sleep } from "node:timers/promises";
import { isList, isObject, type Properties, type Value } from "../properties";
import { text, textMap, written } from "../values";

/** The services that speak the query protocol, by their names in a credential's scope. */
const queryServices = {
  ec2: { version: "2016-11-15", member: "" },
  autoscaling: { version: "2011-01-01", member: ".member" },
  elasticloadbalancing: { version: "2015-12-01", member: ".member" },
  iam: { version: "2010-05-08", member: ".member" },
  monitoring: { version: "2010-08-01", member: ".member" },
  sns: { version: "2010-03-31", member: ".member" },
  sts: { version: "2011-06-15", member: ".member" },
} as const;
const jsonServices = {
  acm: { version: "1.1", prefix: "CertificateManager" },
  dynamodb: { version: "1.0", prefix: "DynamoDB_20120810" },
  events: { version: "1.1", prefix: "AWSEvents" },
  logs: { version: "1.1", prefix: "Logs_20140328" },
  sqs: { version: "1.0", prefix: "AmazonSQS" },
  ssm: { version: "1.1", prefix: "AmazonSSM" },
} as const;
type RestService = "s3" | "route53";
type RestJsonService = "imagebuilder";
/** A service by its name in a credential's scope. */
type Service = keyof typeof queryServices | keyof typeof jsonServices | RestService | RestJsonService;

/** Names that a provider's `endpoints` has for services, where they are others. */
const endpointNames: Partial<Record<Service, readonly string[]>> = {
  elasticloadbalancing: ["elbv2", "elb", "elasticloadbalancing", "elasticloadbalancingv2"],
  monitoring: ["cloudwatch"],
  events: ["eventbridge", "cloudwatchevents", "events"],
  logs: ["cloudwatchlogs", "logs"],
};

const attempts = 6;
const firstPauseMs = 100;

/** What AWS answered in the place of what was asked. */
export class AwsError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
  ) {
    super(`${code}: ${message}`);
  }

  /** Whether it says that there is no such thing. */
  get isNotFound(): boolean {
    return this.status === 404 || /NotFound|NoSuch|DoesNotExist|NonExistent|Not ?Exist/i.test(this.code);
  }

  get isThrottle(): boolean {
    return /Throttl|RequestLimitExceeded|SlowDown/i.test(this.code) || this.status === 503;
  }
}

interface Request {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
}

/** One account and region at an endpoint. */
export class Aws {
  readonly region: string;
  /** Tags that everything gets. */
  readonly defaultTags: Record<string, string>;
  readonly #endpoints: Record<string, string>;

  /** @param config the provider's, whose lists and objects the engine writes as JSON */
  constructor(config: Properties) {
    const region = text(config["region"]) ?? process.env["AWS_REGION"];
    if (region === undefined) throw new Error("aws:region is not set");
    this.region = region;
    const tags = decoded(config["defaultTags"]);
    this.defaultTags = textMap(isObject(tags) ? tags["tags"] : undefined);
    const endpoints = [decoded(config["endpoints"]) ?? []].flat().filter(isObject);
    this.#endpoints = textMap(Object.assign({}, ...endpoints) as Properties);
  }

  /** Where the service is asked. */
  endpoint(service: Service): string {
    const names = endpointNames[service] ?? [service];
    const own = names.map((name) => this.#endpoints[name]).find((url) => url !== undefined);
    const url = own ?? process.env["AWS_ENDPOINT_URL"];
    if (url === undefined)
      throw new Error(`The stand-in plug-in speaks to emulators alone: set the endpoint of ${service}.`);
    return url.replace(/\/$/, "");
  }

  /** An action of a service that speaks the query protocol. A list `x` is written as AWS wants it there. */
  async query(
    service: keyof typeof queryServices,
    action: string,
    input: Properties = {},
  ): Promise<Properties> {
    const { version, member } = queryServices[service];
    const form = new URLSearchParams({ Action: action, Version: version });
    for (const [name, value] of flattened("", input, member)) form.set(name, value);
    const answer = await this.#send(service, {
      method: "POST",
      path: "/",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: form.toString(),
    });
    const document = parsed(await answer.text());
    const result = document[`${action}Result`];
    return isObject(result) ? result : document;
  }

  /** As {@link query}, for as long as there are more pages; the lists under `key` in one. */
  async queryAll(
    service: keyof typeof queryServices,
    action: string,
    key: string,
    input: Properties = {},
  ): Promise<Properties[]> {
    const all: Properties[] = [];
    let page: Properties = {};
    do {
      page = await this.query(service, action, { ...input, ...page });
      all.push(...list(page[key]));
      const [token, marker] = [text(page["NextToken"]) ?? text(page["nextToken"]), text(page["NextMarker"])];
      page = token === undefined ? (marker === undefined ? {} : { Marker: marker }) : { NextToken: token };
    } while (Object.keys(page).length > 0);
    return all;
  }

  /** An action of a service that speaks JSON. */
  async json(
    service: keyof typeof jsonServices,
    action: string,
    input: Properties = {},
  ): Promise<Properties> {
    const { version, prefix } = jsonServices[service];
    const answer = await this.#send(service, {
      method: "POST",
      path: "/",
      headers: { "content-type": `application/x-amz-json-${version}`, "x-amz-target": `${prefix}.${action}` },
      body: JSON.stringify(input),
    });
    const body = await answer.text();
    return body === "" ? {} : (JSON.parse(body) as Properties);
  }

  /** A request to a service that speaks HTTP's verbs and XML. */
  async rest(
    service: RestService,
    request: Request,
  ): Promise<{ document: Properties; headers: Headers; body: string }> {
    const answer = await this.#send(service, request);
    const body = await answer.text();
    return { document: body.startsWith("<") ? parsed(body) : {}, headers: answer.headers, body };
  }

  /** A request to a service that speaks HTTP's verbs and JSON. */
  async restJson(
    service: RestJsonService,
    { body, ...request }: Pick<Request, "method" | "path"> & { body?: Properties },
  ): Promise<Properties> {
    const answer = await this.#send(service, {
      ...request,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return JSON.parse(await answer.text()) as Properties;
  }

  async #send(service: Service, { method, path, headers, body }: Request): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const answer = await fetch(this.endpoint(service) + path, {
        method,
        headers: {
          ...headers,
          authorization: `AWS4-HMAC-SHA256 Credential=test/20200101/${this.region}/${service}/aws4_request, SignedHeaders=host, Signature=none`,
          "x-amz-date": new Date().toISOString().replace(/[-:]|\.\d+/g, ""),
        },
        ...(body === undefined ? {} : { body }),
      });
      if (answer.ok) return answer;
      const error = errorIn(await answer.text(), answer.status);
      // As the real plug-in does; moto stumbles where a bucket's objects go side by side.
      const isPassing = error.isThrottle || (answer.status >= 500 && method !== "POST");
      if (!isPassing || attempt === attempts) throw error;
      await sleep(firstPauseMs * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}

function decoded(value: Value | undefined): Value | undefined {
  return typeof value === "string" && /^[[{]/.test(value) ? (JSON.parse(value) as Value) : value;
}

function errorIn(body: string, status: number): AwsError {
  if (body.startsWith("{")) {
    const told = JSON.parse(body) as Properties;
    const code = (text(told["__type"]) ?? text(told["code"]) ?? "Error").replace(/^.*#/, "");
    return new AwsError(code, text(told["message"]) ?? text(told["Message"]) ?? body, status);
  }
  const [, code = `HTTP ${status}`] = /<Code>([^<]*)<\/Code>/.exec(body) ?? [];
  const [, message = body.slice(0, 300)] = /<Message>([^<]*)<\/Message>/.exec(body) ?? [];
  return new AwsError(code, message, status);
}

function* flattened(name: string, value: Value, member: string): Generator<[string, string]> {
  if (value === null) return;
  if (isList(value)) {
    for (const [index, entry] of value.entries())
      yield* flattened(`${name}${member}.${index + 1}`, entry, member);
  } else if (isObject(value)) {
    for (const [key, entry] of Object.entries(value))
      yield* flattened(name === "" ? key : `${name}.${key}`, entry, member);
  } else yield [name, String(value)];
}

/** An answer in XML as an object: `item`s and `member`s are lists, and so is what stands there more than once. */
function parsed(xml: string): Properties {
  const root = new DOMParser().parseFromString(xml, "text/xml").documentElement;
  const value = root === null ? {} : valueOf(root);
  return isObject(value) ? value : {};
}

function valueOf(element: Element): Value {
  const children = Array.from(element.childNodes).filter((node): node is Element => node.nodeType === 1);
  if (children.length === 0) return element.textContent ?? "";
  if (children.every(({ localName }) => localName === "item" || localName === "member"))
    return children.map(valueOf);
  const entries = Object.entries(Object.groupBy(children, ({ localName }) => localName ?? ""));
  return Object.fromEntries(
    entries.map(([key, all = []]): [string, Value] => {
      const values = all.map(valueOf);
      return [key, values.length > 1 ? values : (values[0] ?? "")];
    }),
  );
}

/** The objects of a list; one alone counts as a list of one, as XML does not tell them apart. */
export function list(value: Value | undefined): Properties[] {
  return (isList(value) ? value : [value ?? null]).filter(isObject);
}

/** A flag as it stands in XML. */
export function yes(value: Value | undefined): boolean {
  return value === true || value === "true";
}

/** A number as it stands in XML, or null. */
export function count(value: Value | undefined): number | null {
  return value === undefined || value === null || value === "" ? null : Number(value);
}

/** Escapes text for XML. */
export function xml(value: Value | undefined): string {
  return written(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
