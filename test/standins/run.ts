import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/**
 * Runs a command to its end.
 * @throws with the end of what it printed when it fails, cannot be started or takes longer than the limit.
 */
export async function run(
  command: string,
  args: string[],
  limitSeconds: number,
  directory?: string,
): Promise<void> {
  try {
    await execute(command, args, {
      ...(directory === undefined ? {} : { cwd: directory }),
      timeout: limitSeconds * 1000,
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    const printed = `${stdout}\n${stderr}`.trim().slice(-2000);
    throw new Error(`${command} ${args.join(" ")} failed: ${printed === "" ? String(error) : printed}`);
  }
}
