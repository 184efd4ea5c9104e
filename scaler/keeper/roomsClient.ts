import { request } from "node:http";
import { parseCensus, type Room } from "../jitsi/census";
import { parseAvailableJibris, parseJicofoStats, type JicofoStats } from "../jitsi/jicofo";

const LIMIT_SECONDS = 5;
/** Some 15,000 rooms. */
const LIMIT_BYTES = 2 * 1024 * 1024;

/** A shard's private web port. */
export interface ShardAddress {
  readonly shard: string;
  /** Such as `http://10.0.0.11:21001`. */
  readonly url: string;
}

/**
 * Asks one shard what it holds. Every question ends within `limitSeconds` (5) and 2 MiB; nothing is retried. Where the shard does not
 * answer, or not with the whole of what it should, it throws: what it holds is unknown then, not nothing.
 */
export class RoomsClient {
  constructor(
    private readonly at: ShardAddress,
    private readonly limitSeconds = LIMIT_SECONDS,
  ) {}

  /** The rooms of its Prosody. */
  rooms(): Promise<Room[]> {
    return this.ask("/_rooms", parseCensus);
  }

  /** The conferences, recordings and streams of its Jicofo. */
  stats(): Promise<JicofoStats> {
    return this.ask("/_stats", parseJicofoStats);
  }

  /** The Jibris that its Jicofo can give its next recording to. */
  jibris(): Promise<string[]> {
    return this.ask("/_jibris", parseAvailableJibris);
  }

  private async ask<Answer>(path: string, parse: (body: string) => Answer): Promise<Answer> {
    const { shard, url } = this.at;
    try {
      return parse(await get(new URL(path, url), this.limitSeconds));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`shard ${shard}: ${path}: ${why}`, { cause: error });
    }
  }
}

function get(url: URL, limitSeconds: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(limitSeconds * 1000);
    const fail = (error: Error): void =>
      reject(signal.aborted ? new Error(`no answer within ${limitSeconds} s`, { cause: error }) : error);
    // A connection of its own: one that was kept may have been closed by a web server that was replaced.
    const asked = request(url, { agent: false, signal }, (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on("error", fail);
      response.on("data", (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        if (bytes > LIMIT_BYTES) asked.destroy(new Error(`the answer exceeds ${LIMIT_BYTES} bytes`));
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(Buffer.concat(parts).toString());
        else reject(new Error(`it was answered with ${response.statusCode ?? 0}`));
      });
    });
    asked.on("error", fail);
    asked.end();
  });
}
