/** What the lab shows while it runs, and at the end. */
import type { LabView } from "./lab";
import type { Verdict } from "./ledger";

const time = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

const figures = ({ cuts, recordings, splitRooms, users }: Verdict): string =>
  `${users.joined} joined, ${users.refused} refused, ${cuts.length} cut; ${splitRooms.length} rooms split; recordings: ${recordings.started} started, ${recordings.refused} refused, ${recordings.arrived} in the store`;

const now = ({ jibris, scaler, shards }: LabView): string =>
  [
    `${shards.reduce((sum, { participants }) => sum + participants, 0)} users`,
    ...(scaler?.pools ?? []).map(({ desired, pool, serving }) => `${pool} ${serving}/${desired ?? "?"}`),
    `Jibris ${jibris.free} free ${jibris.busy} busy ${jibris.uploading} uploading`,
  ].join(", ");

/** One line of a run without a screen. */
export const line = (view: LabView, verdict: Verdict, seconds: number): string =>
  `${time(seconds)}  ${now(view)}; ${figures(verdict)}`;

/** The whole screen, for a terminal of so many columns. */
export function screen(view: LabView, verdict: Verdict, seconds: number, columns: number): string {
  const { jibris, processes, scaler, shards } = view;
  return [
    `${time(seconds)}   ${processes} processes`,
    "",
    "shard    rooms  users  recordings",
    ...shards.map(
      ({ conferences, name, participants, recordings }) =>
        `${name.padEnd(8)} ${String(conferences).padStart(5)}  ${String(participants).padStart(5)}  ${String(recordings).padStart(10)}`,
    ),
    "",
    "pool     desired  serving  pending",
    ...(scaler?.pools ?? []).map(
      ({ desired, pending, pool, reason, serving }) =>
        `${pool.padEnd(8)} ${String(desired ?? "?").padStart(7)}  ${String(serving).padStart(7)}  ${String(pending).padStart(7)}   ${reason}`,
    ),
    "",
    `Jibris: ${jibris.free} free, ${jibris.busy} busy, ${jibris.uploading} uploading`,
    "",
    "last decisions",
    ...(scaler?.decisions ?? ["the scaler does not answer"]).map((text) => `  ${text}`),
    "",
    figures(verdict),
  ]
    .map((text) => text.slice(0, columns))
    .join("\n");
}

/** The verdict, in words. */
export function summary(verdict: Verdict): string {
  const { bridges, cuts, faults, jibris, recordings, splitRooms, users } = verdict;
  const pool = (name: string, { first, highest, launched, lowest, removed }: Verdict["bridges"]): string =>
    `  ${name}: ${first} at first, between ${lowest} and ${highest}; ${launched} launched, ${removed} gone`;
  return [
    verdict.ok ? "Good: nobody was cut, nothing was lost." : "NOT GOOD:",
    ...cuts.map(({ instance, room, why }) => `  CUT: ${room} on ${instance}: ${why}`),
    ...splitRooms.map((room) => `  SPLIT: ${room} was on two shards`),
    ...recordings.lost.map((which) => `  LOST: recording ${which}`),
    ...faults.map((fault) => `  ${fault}`),
    `  ${figures(verdict)}; ${users.peak} users at most`,
    pool("bridges", bridges),
    pool("Jibris", jibris),
  ].join("\n");
}
