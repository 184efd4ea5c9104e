import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { pulumiCli } from "../engine/cli";
import { METADATA_ADDRESS } from "./aws/metadata";
import { Moto } from "./moto";

/**
 * Runs a command in a network of its own, in which every address of 10.42.0.0/16 is this machine's: what stands in for
 * a VPC's machines can listen where the machines would, and what stands in for their metadata at its own address. Ends with the command's exit code. What must be fetched is
 * fetched before: there is no internet in it.
 */
const RANGE = "10.42.0.0/16";
const PREPARE = `ip link set lo up && ip route add local ${RANGE} dev lo && ip address add ${METADATA_ADDRESS}/32 dev lo && exec "$@"`;

async function main(command: readonly string[]): Promise<number> {
  if (command.length === 0) throw new Error("name a command to run");
  if (process.getuid?.() !== 0) throw new Error("a network of its own takes root's rights");
  Moto.install();
  await pulumiCli();
  execFileSync("unshare", ["--net", "true"], { stdio: "inherit" });
  const child = spawn("unshare", ["--net", "sh", "-c", PREPARE, "sh", ...command], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
