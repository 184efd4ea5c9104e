import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";

/** A request as the recording's first line has it. */
interface RecordedRequest {
  method: string;
  /** With the query. */
  path: string;
  origin: string;
  headers: Record<string, string>;
  body: string;
}

interface HttpAnswer {
  status: number;
  reason: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

interface Recording {
  request: RecordedRequest | undefined;
  answer: HttpAnswer;
}

export interface Comparison {
  /** Members of a JSON body, as dotted paths, that must have the recorded values. */
  values?: string[];
  /** Objects whose keys are names, or that the stand-in does not imitate, as dotted paths: only their type counts. */
  open?: string[];
  /** A short body need not be the same byte for byte. */
  differentBytes?: boolean;
  /** What the recording does not hold: a request of its own, or the file that curl sent. */
  request?: Partial<RecordedRequest>;
}

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

const requestLimitMilliseconds = 10_000;
/** Longer bodies are compared by their shape. */
const shortBodyBytes = 600;

function requestOf(line: string): RecordedRequest | undefined {
  const command = /^# \S+ curl (.*)$/.exec(line)?.[1];
  if (command === undefined) return undefined;
  const url = /(https?:\/\/[^/]+)(\S*)$/.exec(command);
  const option = (name: string): string[] =>
    [...command.matchAll(new RegExp(`(?:^| )${name} (.*?)(?= --?[A-Za-z]| https?://)`, "g"))].map(
      ([, value = ""]) => value,
    );
  const data = option("-d");
  const encoded = option("--data-urlencode").map((pair) => {
    const equals = pair.indexOf("=");
    return `${pair.slice(0, equals)}=${encodeURIComponent(pair.slice(equals + 1))}`;
  });
  const asQuery = / ?-G /.test(command);
  const headers = Object.fromEntries(
    option("-H").map((header) => [
      header.slice(0, header.indexOf(":")),
      header.slice(header.indexOf(":") + 2),
    ]),
  );
  const hasBody = data.length > 0 && !asQuery;
  if (hasBody) headers["Content-Type"] ??= "application/x-www-form-urlencoded";
  return {
    method: option("-X")[0] ?? (hasBody ? "POST" : "GET"),
    path: `${url?.[2] ?? ""}${asQuery ? `?${[...encoded, ...data].join("&")}` : ""}`,
    origin: url?.[1] ?? "",
    headers,
    body: hasBody ? (data[0] ?? "") : "",
  };
}

function read(name: string): Recording {
  const text = readFileSync(join(__dirname, "..", "fixtures", "recorded", `${name}.http`), "utf8");
  const request = requestOf(text.slice(0, text.indexOf("\n")));
  const start = text.indexOf("HTTP/1.1");
  const headEnd = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...headerLines] = text.slice(start, headEnd).split("\r\n");
  const [, status = "", reason = ""] = /^HTTP\/1\.1 (\d+) ?(.*)$/.exec(statusLine) ?? [];
  const end = text.lastIndexOf("\n# exit");
  return {
    request,
    answer: {
      status: Number(status),
      reason,
      headers: Object.fromEntries(
        headerLines.map((line) => [
          line.slice(0, line.indexOf(":")).toLowerCase(),
          line.slice(line.indexOf(":") + 2),
        ]),
      ),
      body: text.slice(headEnd + 4, end < 0 ? undefined : end),
    },
  };
}

/** Sends a request and reads the whole answer, its reason phrase included. */
export function send(
  port: number,
  { method = "GET", path = "/", headers = {}, body = "" }: Partial<RecordedRequest>,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        agent: false,
        headers: { ...headers, ...(body === "" ? {} : { "Content-Length": Buffer.byteLength(body) }) },
        signal: AbortSignal.timeout(requestLimitMilliseconds),
      },
      (response) => {
        let received = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => (received += part));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            reason: response.statusMessage ?? "",
            headers: Object.fromEntries(
              Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
            ),
            body: received,
          }),
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

function kindOf(value: Json | undefined): string {
  // Jicofo's word for the average of nothing.
  if (value === "NaN") return "number";
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** Every key of the recorded one must be there, with a value of its type. */
function compareShape(actual: Json | undefined, recorded: Json, path: string, open: string[]): void {
  assert.equal(kindOf(actual), kindOf(recorded), `type of ${path === "" ? "the body" : path}`);
  if (open.includes(path) || actual === null || typeof actual !== "object") return;
  if (recorded === null || typeof recorded !== "object") return;
  if (Array.isArray(recorded) || Array.isArray(actual)) {
    const [element] = recorded as Json[];
    if (element !== undefined) compareShape((actual as Json[])[0], element, `${path}[0]`, open);
    return;
  }
  for (const [key, value] of Object.entries(recorded)) {
    const inner = path === "" ? key : `${path}.${key}`;
    assert.ok(key in actual, `${inner} is missing`);
    compareShape(actual[key], value, inner, open);
  }
}

/** A member by its dotted path; a part in brackets is taken whole, for keys that have dots: `a.[b.c/d].e`. */
function memberOf(body: Json, path: string): Json | undefined {
  const parts = path.match(/\[[^\]]+\]|[^.[\]]+/g) ?? [];
  return parts.reduce<Json | undefined>((value, part) => {
    const key = part.startsWith("[") ? part.slice(1, -1) : part;
    return value === null || typeof value !== "object" || Array.isArray(value) ? undefined : value[key];
  }, body);
}

function metricFamilies(exposition: string): string[] {
  return [...exposition.matchAll(/^# TYPE (.+)$/gm)].map(([, family = ""]) => family);
}

function compareBodies(actual: HttpAnswer, recorded: HttpAnswer, comparison: Comparison): void {
  const type = recorded.headers["content-type"] ?? "";
  if (type.startsWith("application/openmetrics-text")) {
    const families = new Set(metricFamilies(actual.body));
    const missing = metricFamilies(recorded.body).filter((family) => !families.has(family));
    assert.deepEqual(missing, [], "metric families");
    assert.ok(actual.body.endsWith("# EOF\n"));
    return;
  }
  // Prosody's census does not say what it is.
  const isJson = (type === "" || type.startsWith("application/json")) && /^[[{]/.test(recorded.body);
  if (isJson) {
    const actualJson = JSON.parse(actual.body) as Json;
    const recordedJson = JSON.parse(recorded.body) as Json;
    compareShape(actualJson, recordedJson, "", comparison.open ?? []);
    for (const path of comparison.values ?? []) {
      assert.deepEqual(memberOf(actualJson, path), memberOf(recordedJson, path), path);
    }
  }
  if (recorded.body.length <= shortBodyBytes && comparison.differentBytes !== true) {
    assert.equal(actual.body, recorded.body);
  }
}

/**
 * Sends the request of a recording to a port of this machine and compares the answers: status and reason, content type,
 * how the length is told, the bytes of short bodies, the keys and types of JSON and the families of metrics.
 */
export async function sameAsRecorded(port: number, name: string, comparison: Comparison = {}): Promise<void> {
  const { request, answer: recorded } = read(name);
  const asked = { ...request, ...comparison.request };
  const actual = await send(port, asked);
  // A server writes its own address into error pages, as the client named it.
  recorded.body = recorded.body.replaceAll(asked.origin ?? "\0", `http://127.0.0.1:${port}`);
  assert.equal(`${actual.status} ${actual.reason}`, `${recorded.status} ${recorded.reason}`);
  assert.equal(actual.headers["content-type"], recorded.headers["content-type"]);
  assert.equal("content-length" in actual.headers, "content-length" in recorded.headers, "Content-Length");
  for (const header of ["allow", "vary", "cache-control"]) {
    assert.equal(actual.headers[header], recorded.headers[header], header);
  }
  compareBodies(actual, recorded, comparison);
}
