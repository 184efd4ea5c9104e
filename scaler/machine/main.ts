import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm";
import Docker from "dockerode";
import { apply, manifestOf, type Outcome } from "./apply";
import type { MachineManifest } from "./manifest";
import type { MachineReport } from "./report";

const REPORT_FILE = "/var/lib/jitsi-fleet/report.json";
/** No call of Docker's lasts longer without a word. */
const DOCKER_LIMIT_SECONDS = 600;
const COMPOSE_LIMIT_SECONDS = 300;
/** EX_TEMPFAIL: to be tried again at the next look. */
const exitCodes: Record<MachineReport["state"], number> = { applied: 0, failed: 1, waiting: 75 };

function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: a bundle's run script starts this program`);
  return value;
}

/** Decrypted, in the order asked for. @throws naming those that are not there */
async function parametersOf({ endpoint, secrets }: MachineManifest): Promise<string[]> {
  const { parameters } = secrets;
  if (parameters.length === 0) return [];
  const client = new SSMClient({ maxAttempts: 6, ...(endpoint === undefined ? {} : { endpoint }) });
  const command = new GetParametersCommand({ Names: parameters, WithDecryption: true });
  const { InvalidParameters = [], Parameters = [] } = await client.send(command);
  if (InvalidParameters.length > 0)
    throw new Error(`there are no parameters ${InvalidParameters.join(", ")} in SSM: pulumi up writes them`);
  const values = new Map(Parameters.map(({ Name, Value }) => [Name, Value]));
  return parameters.map((name) => values.get(name) ?? "");
}

/** Applies the bundle that the environment names, and writes the report. */
async function main(): Promise<void> {
  const root = variable("FLEET_ROOT");
  const bundle = { folder: variable("FLEET_BUNDLE"), sha256: variable("FLEET_BUNDLE_SHA256") };
  const instance = variable("FLEET_INSTANCE");
  const publicAddress = process.env["FLEET_PUBLIC_ADDRESS"];
  const manifest = await manifestOf(root, bundle.folder);
  const outcome = await apply({
    bundle,
    root,
    self: {
      id: instance.replace(/^i-/, ""),
      publicAddress: publicAddress === "" ? undefined : publicAddress,
      privateAddress: variable("FLEET_PRIVATE_ADDRESS"),
    },
    docker: new Docker({ socketPath: join(root, "run/docker.sock"), timeout: DOCKER_LIMIT_SECONDS * 1000 }),
    // The machine's own compose: an image of Node has none.
    compose: async (args) => {
      await promisify(execFile)("chroot", [root, "docker", "compose", ...args], {
        timeout: COMPOSE_LIMIT_SECONDS * 1000,
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", COMPOSE_IGNORE_ORPHANS: "true" },
      });
    },
    parameters: parametersOf,
  }).catch((error: unknown): Outcome => ({
    state: "failed",
    reason: error instanceof Error ? error.message : String(error),
    replaced: [],
  }));
  const report: MachineReport = {
    name: manifest.name,
    instance,
    bundle: bundle.sha256,
    time: new Date().toISOString(),
    ...outcome,
  };
  writeFileSync(join(root, REPORT_FILE), `${JSON.stringify(report)}\n`);
  console.log(`${report.state}${report.reason === undefined ? "" : `: ${report.reason}`}`);
  process.exitCode = exitCodes[report.state];
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
