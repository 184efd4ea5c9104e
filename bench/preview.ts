import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { EngineStack } from "../test/engine/workspace";
import { AwsEmulator } from "../test/support/aws/emulator";
import { readOptions } from "../scripts/readOptions";

/**
 * How long a preview takes for 1, 4, 16 and 64 shards, beside a bare program that declares the same resources with the
 * same inputs and nothing else, in the same run. Prints a table, or JSON.
 */
const help = `npm run bench:preview [-- --platform docker|aws] [--shards 1,4,16,64] [--rounds 3] [--limit 1.25]
  [--docker unix:///var/run/docker.sock] [--json]
Times pulumi preview of a new stack, and of a bare program with the same resources. Needs no Docker where the docker
plug-in is the project's stand-in, and no account: AWS is an emulator's. On AWS each shard has a pool, and the Jibris one.
--limit: fails where the last row's ratio is above it.`;

const { values } = readOptions(help, () =>
  parseArgs({
    options: {
      shards: { type: "string", default: "1,4,16,64" },
      platform: { type: "string", default: "docker" },
      limit: { type: "string" },
      rounds: { type: "string", default: "3" },
      docker: { type: "string", default: "unix:///var/run/docker.sock" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }),
);

interface Measurement {
  readonly shards: number;
  readonly resources: number;
  /** Seconds, the median of the rounds. */
  readonly fleet: number;
  readonly bare: number;
}

function config(shards: number, where: Record<string, unknown>): Record<string, unknown> {
  return {
    production: false,
    domain: "meet.bench.test",
    shards: Array.from({ length: shards }, (_, index) => ({ name: `s${index + 1}` })),
    bridges: { min: 2, max: 3 },
    auth: { type: "open" },
    ...where,
  };
}

const dockerHost = (address: string): Record<string, unknown> => ({
  docker: {
    hosts: [
      {
        name: "a",
        address,
        publicAddress: "198.51.100.11",
        privateAddress: "10.213.0.11",
        slots: { bridges: 200 },
        udpPorts: "10000-14999",
      },
    ],
  },
});

const awsRegion = (endpoint: string): Record<string, unknown> => ({
  platform: "aws",
  aws: {
    region: "eu-central-1",
    zones: ["eu-central-1a", "eu-central-1b"],
    image: { id: "ami-0123456789abcdef0" },
    endpoint,
  },
});

async function seconds(stack: EngineStack): Promise<number> {
  const { exitCode, stdout, stderr, durationMs } = await stack.preview();
  if (exitCode !== 0) throw new Error(`the preview failed:\n${stdout}${stderr}`);
  return durationMs / 1000;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

async function measure(shards: number, rounds: number, where: Record<string, unknown>): Promise<Measurement> {
  const fleet = await EngineStack.create({ programDir: ".", stack: "bench", config: config(shards, where) });
  const { steps } = await fleet.previewJson();
  const resources = steps
    .map(({ newState, urn }) => ({
      type: newState?.type ?? "",
      name: urn.split("::").at(-1) ?? "",
      inputs: withoutDefaults(newState?.inputs ?? {}),
    }))
    .filter(({ type }) => type !== "pulumi:pulumi:Stack");
  const directory = await mkdtemp(join(tmpdir(), "bench-preview-"));
  const list = join(directory, "resources.json");
  await writeFile(list, JSON.stringify(resources));
  const bare = await EngineStack.create({
    programDir: "bench/bare",
    stack: "bench",
    env: { BARE_RESOURCES: list },
  });
  try {
    // Turn and turn about, so that what else the machine does falls on both.
    const taken: { fleet: number[]; bare: number[] } = { fleet: [], bare: [] };
    for (let round = 0; round < rounds; round++) {
      taken.fleet.push(await seconds(fleet));
      taken.bare.push(await seconds(bare));
    }
    return { shards, resources: steps.length, fleet: median(taken.fleet), bare: median(taken.bare) };
  } finally {
    await Promise.all([fleet.dispose(), bare.dispose(), rm(directory, { recursive: true })]);
  }
}

/** What the program itself set, and not its plug-in. */
function withoutDefaults(inputs: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== "__defaults"));
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(help);
    return;
  }
  const emulator = values.platform === "aws" ? await AwsEmulator.start() : undefined;
  const where = emulator === undefined ? dockerHost(values.docker) : awsRegion(emulator.url);
  const measurements: Measurement[] = [];
  try {
    for (const shards of values.shards.split(",").map(Number))
      measurements.push(await measure(shards, Number(values.rounds), where));
  } finally {
    await emulator?.stop();
  }
  const last = measurements.at(-1);
  if (values.limit !== undefined && last !== undefined && last.fleet / last.bare > Number(values.limit)) {
    console.error(`The ratio is ${(last.fleet / last.bare).toFixed(2)}, above ${values.limit}.`);
    process.exitCode = 1;
  }
  if (values.json) {
    console.log(JSON.stringify(measurements));
    return;
  }
  const first = measurements[0];
  console.log(
    "shards  resources  preview s  bare s  ratio  growth (preview / resources, against the first row)",
  );
  for (const { shards, resources, fleet, bare } of measurements) {
    const growth = first
      ? `${(fleet / first.fleet).toFixed(2)} / ${(resources / first.resources).toFixed(2)}`
      : "";
    const cells = [
      String(shards).padStart(6),
      String(resources).padStart(10),
      fleet.toFixed(2).padStart(10),
      bare.toFixed(2).padStart(7),
      (fleet / bare).toFixed(2).padStart(6),
    ];
    console.log(`${cells.join(" ")}  ${growth}`);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
