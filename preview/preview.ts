import { parseArgs } from "node:util";
import { violationsIn } from "../policy/previewed";
import { readOptions } from "../scripts/readOptions";
import { type Detail, report } from "./report";
import { DEFAULT_LIMIT_SECONDS, preview, PreviewError } from "./run";
import { readStackSettings } from "./stackSettings";

const help = `npm run preview -- [<stack>] [--config <setting>=<value>]… [--inputs none|short|full] [--json] [--policy]
                [--limit <seconds>]
What pulumi up of a new stack would make: the tree of components and resources with their inputs, secrets hidden. Needs
no account, no Docker and no Pulumi CLI, and asks nobody: what is encrypted in the stack's settings stays so, and a
region's zones are taken to exist.
<stack>: a name with a Pulumi.<stack>.yaml, or the path of such a file. Default: dev
--config: a top-level setting in place of the file's, such as domain=meet.example.org; objects as JSON
--policy: holds it to the project's policies as well, and fails where it does not hold
--limit: how long the program may take (default: ${DEFAULT_LIMIT_SECONDS})

Exit code: 0 shown; 1 refused, failed, or not done in time; 2 for what is not asked like this.`;

function overrides(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new Error(`--config ${pair}: is not <setting>=<value>`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function detailOf(text: string): Detail {
  if (text === "none" || text === "short" || text === "full") return text;
  throw new Error(`--inputs ${text}: is none of none, short, full`);
}

function secondsOf(text: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text);
  throw new Error(`--limit ${text}: is not a whole number of seconds above 0`);
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: "string", multiple: true, default: [] },
      inputs: { type: "string", default: "short" },
      json: { type: "boolean", default: false },
      policy: { type: "boolean", default: false },
      limit: { type: "string", default: String(DEFAULT_LIMIT_SECONDS) },
      help: { type: "boolean", default: false },
    },
  });
  const [stack = "dev", ...more] = positionals;
  if (more.length > 0) throw new Error(`One stack at a time, not ${positionals.join(", ")}`);
  return {
    ...values,
    stack,
    config: overrides(values.config),
    detail: detailOf(values.inputs),
    limitSeconds: secondsOf(values.limit),
  };
}

async function main(): Promise<void> {
  const asked = readOptions(help, readArguments);
  if (asked.help) {
    console.log(help);
    return;
  }
  const settings = await readStackSettings(process.cwd(), asked.stack, asked.config);
  const seen = await preview(process.cwd(), asked.stack, settings, asked.limitSeconds);
  console.log(asked.json ? JSON.stringify(seen, undefined, 2) : report(seen, asked.detail));
  if (!asked.policy) return;
  const violations = violationsIn(seen);
  for (const { message, resource, rule } of violations)
    console.error(`${rule}: ${resource.type} ${resource.name} ${message}`);
  if (violations.length > 0)
    throw new PreviewError(`${violations.length} violations of the project's policies`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
