import type { ShardState } from "@jitsi-fleet/scaler";
import { help, readArguments, type Asked } from "./arguments";
import { changeShards } from "./changeShards";
import { askEdges } from "./edges";
import { Pulumi } from "./pulumi";
import { setShard } from "./setShard";
import { readStack, type Stack } from "./stack";
import { statusOf, statusText } from "./status";
import { runCommand } from "./commandLine";
import { untilEmpty } from "./waiting";

const INTERRUPTED = 130;
const say = (line: string): void => console.log(line);

const meanings: Readonly<Record<ShardState, string>> = {
  ready: "it takes new rooms",
  drain: "its rooms stay, new ones go elsewhere",
  maint: "it takes nothing",
};

/** `npm run shard`: returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const asked = readArguments(args);
  if (asked.what === "help") {
    say(help);
    return 0;
  }
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ending.abort());
  const pulumi = new Pulumi(asked.stack);
  const stack = await readStack(pulumi);
  if (asked.what === "status") return status(stack, asked.json);
  if (asked.what === "set") return set(pulumi, stack, asked, ending.signal);
  await changeShards(pulumi, stack, asked, say);
  return 0;
}

async function status(stack: Stack, json: boolean): Promise<number> {
  const answers = await askEdges(stack);
  const shards = statusOf(stack.settings, answers);
  const silent = answers.flatMap((answer) => ("error" in answer ? [answer] : []));
  say(json ? JSON.stringify({ stack: stack.name, shards, silent }) : statusText(shards, answers));
  return 0;
}

async function set(
  pulumi: Pulumi,
  stack: Stack,
  { shard, state, waitMinutes }: Extract<Asked, { what: "set" }>,
  signal: AbortSignal,
): Promise<number> {
  await setShard(pulumi, stack, shard, state, say);
  say(`${shard} is in ${state}: ${meanings[state]}.`);
  if (waitMinutes === undefined) return 0;
  const look = async () => statusOf(stack.settings, await askEdges(stack)).find(({ name }) => name === shard);
  await untilEmpty(shard, look, { minutes: waitMinutes, say, signal });
  if (!signal.aborted) return 0;
  say(`${shard} stays in drain. It takes new rooms again with: npm run shard -- ready ${shard}`);
  return INTERRUPTED;
}

runCommand(main, help);
