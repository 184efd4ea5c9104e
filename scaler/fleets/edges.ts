import { nowSeconds } from "../clock";
import type { EdgesConfiguration } from "../configuration";
import type { EdgeSight } from "../core/fleet";
import { FleetClient } from "../fleetClient";
import type { FleetStatus } from "../fleetStatus";
import { shardsPageSchema } from "../keeper/shards";
import { shortReason } from "../shortReason";

/** Above what a keeper gives the shards. */
const LIMIT_SECONDS = 4;
/** What an answer is good for. */
const FRESH_SECONDS = 30;
/** Of an answer: 64 shards that all fail take a fifth of it. An item of DynamoDB takes 400 KB. */
const LIMIT_BYTES = 100_000;

type EdgeStatus = FleetStatus["edges"][number];

/** What the nodes of the edge say of the shards. They are asked in the background: who is silent delays nobody. */
export class Edges {
  private readonly clients: ReadonlyMap<string, FleetClient>;
  private readonly said = new Map<string, EdgeStatus>();
  private readonly saidAtSeconds = new Map<string, number>();
  private readonly asked = new Set<string>();

  constructor(edges: EdgesConfiguration | undefined) {
    const { certificate, keepers = [], token = "" } = edges ?? {};
    this.clients = new Map(
      keepers.map(({ edge, url }) => [
        edge,
        new FleetClient({ called: `keeper ${edge}`, url, token, certificate }),
      ]),
    );
  }

  /** The last that each said, or why it said nothing then. */
  get answers(): EdgeStatus[] {
    return [...this.clients.keys()].map(
      (edge) => this.said.get(edge) ?? { edge, error: "it has not answered yet" },
    );
  }

  /** The same, as who decides needs it. What was said long ago, or never, is unknown. */
  get sights(): EdgeSight[] {
    return this.answers.map((answer): EdgeSight => {
      const { edge } = answer;
      if ("error" in answer) return { edge, states: { kind: "unknown", why: answer.error } };
      const silentSeconds = nowSeconds() - (this.saidAtSeconds.get(edge) ?? -Infinity);
      if (silentSeconds > FRESH_SECONDS)
        return {
          edge,
          states: { kind: "unknown", why: `it has been silent for ${Math.round(silentSeconds)} s` },
        };
      const states = Object.entries(answer.page).map(([shard, { state }]) => [shard, state] as const);
      return { edge, states: { kind: "fresh", value: Object.fromEntries(states) } };
    });
  }

  /** Asks those that owe no answer. Never throws. */
  ask(): void {
    for (const [edge, client] of this.clients) {
      if (this.asked.has(edge)) continue;
      this.asked.add(edge);
      void answerOf(edge, client).then((answer) => {
        this.said.set(edge, answer);
        this.saidAtSeconds.set(edge, nowSeconds());
        this.asked.delete(edge);
      });
    }
  }
}

async function answerOf(edge: string, client: FleetClient): Promise<EdgeStatus> {
  const knownAt = new Date().toISOString();
  try {
    const answer = await client.call("GET", "/v1/shards", [200], LIMIT_SECONDS);
    if (Buffer.byteLength(answer) > LIMIT_BYTES) throw new Error(`its answer exceeds ${LIMIT_BYTES} bytes`);
    return { edge, knownAt, page: shardsPageSchema.parse(JSON.parse(answer)) };
  } catch (error) {
    return { edge, error: shortReason(error) };
  }
}
