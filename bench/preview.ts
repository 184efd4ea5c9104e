import { parseArgs } from "node:util";
import { EngineStack } from "../test/engine/workspace";

/**
 * How long a preview takes for 1, 4, 16 and 64 shards, beside a bare program with as many resources of each type,
 * in the same run. Prints a table, or JSON.
 */
const help = `npm run bench:preview [-- --shards 1,4,16,64] [--rounds 3] [--docker unix:///var/run/docker.sock] [--json]
Times pulumi preview of a new stack, and of a bare program with as many resources. Needs no Docker where the docker
plug-in is the project's stand-in.`;

const { values } = parseArgs({
  options: {
    shards: { type: "string", default: "1,4,16,64" },
    rounds: { type: "string", default: "3" },
    docker: { type: "string", default: "unix:///var/run/docker.sock" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

interface Measurement {
  readonly shards: number;
  readonly resources: number;
  /** Seconds, the median of the rounds. */
  readonly fleet: number;
  readonly bare: number;
}

function config(shards: number, docker: string): Record<string, unknown> {
  return {
    production: false,
    domain: "meet.bench.test",
    shards: Array.from({ length: shards }, (_, index) => ({ name: `s${index + 1}` })),
    bridges: { min: 2, max: 3 },
    auth: { type: "open" },
    docker: {
      hosts: [
        {
          name: "a",
          address: docker,
          publicAddress: "198.51.100.11",
          privateAddress: "10.213.0.11",
          slots: { bridges: 200 },
          udpPorts: "10000-14999",
        },
      ],
    },
  };
}

async function seconds(stack: EngineStack): Promise<number> {
  const { exitCode, stdout, stderr, durationMs } = await stack.preview();
  if (exitCode !== 0) throw new Error(`the preview failed:\n${stdout}${stderr}`);
  return durationMs / 1000;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

async function measure(shards: number, rounds: number, docker: string): Promise<Measurement> {
  const fleet = await EngineStack.create({ programDir: ".", stack: "bench", config: config(shards, docker) });
  const { steps } = await fleet.previewJson();
  const types = steps.map(({ urn }) => urn.split("::")[2]?.split("$").at(-1) ?? "");
  const counts = Object.fromEntries(
    Object.entries(Object.groupBy(types, (type) => type)).map(([type, all]) => [type, all?.length]),
  );
  const bare = await EngineStack.create({
    programDir: "bench/bare",
    stack: "bench",
    env: { BARE_COUNTS: JSON.stringify(counts), BARE_DOCKER_HOST: docker },
  });
  try {
    // Turn and turn about, so that what else the machine does falls on both.
    const taken: { fleet: number[]; bare: number[] } = { fleet: [], bare: [] };
    for (let round = 0; round < rounds; round++) {
      taken.fleet.push(await seconds(fleet));
      taken.bare.push(await seconds(bare));
    }
    return { shards, resources: types.length, fleet: median(taken.fleet), bare: median(taken.bare) };
  } finally {
    await Promise.all([fleet.dispose(), bare.dispose()]);
  }
}

async function main(): Promise<void> {
  if (values.help) {
    console.log(help);
    return;
  }
  const measurements: Measurement[] = [];
  for (const shards of values.shards.split(",").map(Number))
    measurements.push(await measure(shards, Number(values.rounds), values.docker));
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
