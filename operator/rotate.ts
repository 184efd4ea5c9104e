import { parseArgs } from "node:util";
import { z } from "zod";
import { UsageError } from "./arguments";
import { askEdges } from "./edges";
import { Pulumi } from "./pulumi";
import { generatedSecrets, meaningOf, objectionTo, replacedBy, type GeneratedSecret } from "./rotation";
import { readStack, type Stack } from "./stack";
import { statusOf } from "./status";
import { runCommand } from "./commandLine";
import { nameOf, previewSchema } from "./targets";

const help = `npm run rotate -- list
npm run rotate -- SECRET
Lists the secrets that the stack had generated, or has one generated anew and brings it in force with a pulumi up. What
would cut a call is refused, with what to do first. Secrets of your own are settings: pulumi config set --path --secret.

--stack S     the stack (default: the one that is selected).

Exit code: 0 done; 1 refused or failed; 2 for what is not asked like this.`;

const say = (line: string): void => console.log(line);
const exported = z.object({
  deployment: z.object({ resources: z.array(z.object({ type: z.string(), urn: z.string() })).optional() }),
});

interface Asked {
  readonly what: string;
  readonly stack: string | undefined;
}

/** `npm run rotate`: returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const asked = readArguments(args);
  if (asked === "help") {
    say(help);
    return 0;
  }
  const pulumi = new Pulumi(asked.stack);
  const stack = await readStack(pulumi);
  const { deployment } = exported.parse(JSON.parse(await pulumi.read(["stack", "export"])));
  const secrets = generatedSecrets(deployment.resources ?? []);
  const shards = stack.settings.shards.map(({ name }) => name);
  if (asked.what === "list") {
    const width = Math.max(0, ...secrets.map(({ name }) => name.length));
    for (const { name } of secrets) say(`${name.padEnd(width)}  ${meaningOf(replacedBy(name, shards))}`);
    return 0;
  }
  const secret = secrets.find(({ name }) => name === asked.what);
  if (!secret)
    throw new Error(
      `There is no generated secret ${asked.what}; there are: ${secrets.map(({ name }) => name).join(", ") || "none, since the stack is not up"}`,
    );
  return rotate(pulumi, stack, secret, shards);
}

async function rotate(
  pulumi: Pulumi,
  stack: Stack,
  { name, urn }: GeneratedSecret,
  shards: readonly string[],
): Promise<number> {
  const replaces = replacedBy(name, shards);
  const statuses = replaces.what === "nothing" ? [] : statusOf(stack.settings, await askEdges(stack));
  const objection = objectionTo(name, replaces, statuses, stack.settings.allowCutCalls);
  if (objection !== undefined) throw new Error(objection);
  say("Looking whether anything else waits to be brought …");
  const { steps } = previewSchema.parse(JSON.parse(await pulumi.read(["preview", "--json"])));
  const waiting = steps.filter(({ op }) => op !== "same").map(nameOf);
  if (waiting.length > 0)
    throw new Error(
      `Other changes wait (${waiting.slice(0, 5).join(", ")}${waiting.length > 5 ? " …" : ""}) and would come along: bring them with pulumi up, or take them back, first`,
    );
  const code = await pulumi.show(["up", "--yes", "--skip-preview", "--replace", urn]);
  if (code !== 0)
    throw new Error(
      `pulumi up ended with code ${code}. ${name} may be a new one that is not in force everywhere: mend the cause, then pulumi up brings the rest`,
    );
  say(`${name} is a new one.`);
  if (replaces.what === "shard")
    say(`Once ${replaces.shard} is up by npm run shard -- status: npm run shard -- ready ${replaces.shard}`);
  return 0;
}

function readArguments(args: readonly string[]): Asked | "help" {
  const { positionals, values } = parsed(args);
  if (values.help) return "help";
  const [what, ...more] = positionals;
  if (what === undefined) throw new UsageError("it is to be list, or the name of a secret");
  if (more.length > 0) throw new UsageError(`"${more.join(" ")}" is one word too many: one secret at a time`);
  return { what, stack: values.stack };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { stack: { type: "string" }, help: { type: "boolean", default: false } },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

runCommand(main, help);
