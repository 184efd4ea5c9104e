import { request } from "node:http";
import { spoolSchema, type Answer, type HostState } from "../hostApi";

/** However an instance hangs: the host's state is told before the scaler gives up on it. */
const LIMIT_SECONDS = 3;
const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * Asks a program of this host over plain HTTP. A redirection is an answer and is not followed: where the agent
 * knocks is not an instance's to say. Never throws.
 */
export async function ask(url: string, method: "GET" | "POST" = "GET", json?: string): Promise<Answer> {
  try {
    return await exchange(url, method, json);
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function exchange(url: string, method: string, json: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(LIMIT_SECONDS * 1000);
    const headers =
      json === undefined
        ? {}
        : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(json) };
    // A connection of its own: an address may be another instance's a moment later.
    const sent = request(url, { method, headers, signal, agent: false });
    const fail = (error: Error): void =>
      reject(signal.aborted ? new Error(`no answer within ${LIMIT_SECONDS} s`) : error);
    sent.on("error", fail);
    sent.on("response", (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > BODY_LIMIT_BYTES)
          response.destroy(new Error(`the answer is above ${BODY_LIMIT_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", fail);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    sent.end(json);
  });
}

/** What the uploader says of the host's recordings. Whatever is not the whole of it is an error, never an empty spool. */
export async function askSpool(
  uploader: string,
  live: readonly string[],
): Promise<NonNullable<HostState["spool"]>> {
  const url = new URL("/v1/spool", uploader);
  url.searchParams.set("live", live.join());
  const answer = await ask(url.href);
  if ("error" in answer) return { error: `the uploader: ${answer.error}` };
  if (answer.status !== 200) return { error: `the uploader answered with ${answer.status}` };
  try {
    return spoolSchema.parse(JSON.parse(answer.body));
  } catch {
    return { error: "the uploader's answer is no spool" };
  }
}
