import type { Holdings, ShardsPage, ShardState } from "@jitsi-fleet/scaler";
import type { Settings } from "../components/settings";

/** What a node of the edge said of the shards and when, or why it says nothing. */
export type EdgeAnswer =
  | { readonly edge: string; readonly page: ShardsPage; readonly knownAt: string }
  | { readonly edge: string; readonly error: string };

/** A shard as it ought to be and as it is. `null`: unknown, or none. */
export interface ShardStatus {
  readonly name: string;
  /** By the settings; null: it is not in them. */
  readonly wanted: ShardState | null;
  /** By node of the edge; null: unknown. */
  readonly inForce: Readonly<Record<string, ShardState | null>>;
  readonly up: boolean | null;
  readonly release: string | null;
  /** The Docker host, or the zone. */
  readonly place: string | null;
  readonly conferences: number | null;
  readonly participants: number | null;
  readonly recordings: number | null;
  readonly streams: number | null;
  /** Why what it holds is unknown. */
  readonly why: string | null;
  /** When the nodes said all this: the first of them that said anything. */
  readonly knownAt: string | null;
}

/** What the settings want of each shard, and what the nodes of the edge say of it. */
export function statusOf(
  { shards }: Pick<Settings, "shards">,
  answers: readonly EdgeAnswer[],
): ShardStatus[] {
  const pages = answers.map((answer) => ({
    edge: answer.edge,
    page: "page" in answer ? answer.page : undefined,
  }));
  const [knownAt = null] = answers.flatMap((answer) => ("page" in answer ? [answer.knownAt] : [])).sort();
  const names = new Set([
    ...shards.map(({ name }) => name),
    ...pages.flatMap(({ page }) => Object.keys(page ?? {})),
  ]);
  return [...names].map((name) => {
    const declared = shards.find((shard) => shard.name === name);
    const seen = pages.flatMap(({ page }) => page?.[name] ?? []);
    return {
      name,
      wanted: declared?.state ?? null,
      inForce: Object.fromEntries(pages.map(({ edge, page }) => [edge, page?.[name]?.state ?? null])),
      up: seen.length === 0 ? null : seen.every(({ up }) => up),
      release: declared?.release ?? null,
      place: declared?.place ?? null,
      ...heldBy(seen.map(({ holds }) => holds)),
      knownAt,
    };
  });
}

/** All nodes ask the same Jicofo: where their answers differ, it was between them, and the most is taken. */
function heldBy(answers: readonly ShardsPage[string]["holds"][]): Pick<ShardStatus, keyof Holdings | "why"> {
  const known = answers.flatMap((answer) => ("error" in answer ? [] : [answer]));
  const failed = answers.find((answer) => "error" in answer);
  const most = (key: keyof Holdings): number | null =>
    known.length === 0 ? null : Math.max(...known.map((answer) => answer[key]));
  return {
    conferences: most("conferences"),
    participants: most("participants"),
    recordings: most("recordings"),
    streams: most("streams"),
    why: known.length > 0 ? null : (failed?.error.replace(/\s+/g, " ") ?? "no node of the edge tells of it"),
  };
}

const UNKNOWN = "unknown";

/** The status for people: a table, and below it why what is unknown is so. */
export function statusText(shards: readonly ShardStatus[], answers: readonly EdgeAnswer[]): string {
  const header = [
    "shard",
    "wanted",
    "in force",
    "up",
    "release",
    "place",
    "conferences",
    "participants",
    "recordings",
    "streams",
  ];
  const rows = shards.map((shard) => [
    shard.name,
    shard.wanted ?? "not in shards",
    inForceText(shard),
    shard.up === null ? UNKNOWN : shard.up ? "yes" : "no",
    shard.release ?? UNKNOWN,
    shard.place ?? UNKNOWN,
    ...[shard.conferences, shard.participants, shard.recordings, shard.streams].map((count) =>
      String(count ?? UNKNOWN),
    ),
  ]);
  const silent = answers.flatMap((answer) =>
    "error" in answer ? [`${answer.edge} does not answer: ${answer.error}`] : [],
  );
  const unknown = shards.flatMap(({ name, why }) =>
    why === null ? [] : [`what ${name} holds is unknown: ${why}`],
  );
  return [...aligned([header, ...rows]), ...silent, ...unknown].join("\n");
}

/** Where it is in force: one word where all nodes say the same; else each word with the nodes that say it. */
export function inForceText({ inForce }: ShardStatus): string {
  const edges = Object.entries(inForce);
  const words = [...new Set(edges.map(([, state]) => state ?? UNKNOWN))];
  if (words.length < 2) return words[0] ?? UNKNOWN;
  return words
    .map((word) => {
      const saying = edges.filter(([, state]) => (state ?? UNKNOWN) === word).map(([edge]) => edge);
      return `${word} (${saying.join(", ")})`;
    })
    .join(", ");
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
