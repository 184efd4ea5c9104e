import { parseArgs } from "node:util";
import { violationsIn } from "../policy/previewed";
import { type Detail, report } from "./report";
import { preview, PreviewError } from "./run";
import { readStackSettings } from "./stackSettings";

const help = `npm run preview -- [<stack>] [--config <setting>=<value>]… [--inputs none|short|full] [--json] [--policy]
What pulumi up of a new stack would make: the tree of components and resources with their inputs, secrets hidden. Needs
no account, no Docker and no Pulumi CLI, and asks nobody: what is encrypted in the stack's settings stays so, and a
region's zones are taken to exist.
<stack>: a name with a Pulumi.<stack>.yaml, or the path of such a file. Default: dev
--config: a top-level setting in place of the file's, such as domain=meet.example.org; objects as JSON
--policy: holds it to the project's policies as well, and fails where it does not hold`;

function overrides(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1) throw new PreviewError(`--config ${pair}: is not <setting>=<value>`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function detailOf(text: string): Detail {
  if (text === "none" || text === "short" || text === "full") return text;
  throw new PreviewError(`--inputs ${text}: is none of none, short, full`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: "string", multiple: true, default: [] },
      inputs: { type: "string", default: "short" },
      json: { type: "boolean", default: false },
      policy: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const [stack = "dev", ...more] = positionals;
  if (more.length > 0) throw new PreviewError(`One stack at a time, not ${positionals.join(", ")}.`);
  const detail = detailOf(values.inputs);
  const settings = await readStackSettings(process.cwd(), stack, overrides(values.config));
  const seen = await preview(process.cwd(), stack, settings);
  console.log(values.json ? JSON.stringify(seen, undefined, 2) : report(seen, detail));
  if (!values.policy) return;
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
