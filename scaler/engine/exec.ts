import { text } from "node:stream/consumers";
import type Docker from "dockerode";

/** Runs a command in a running container: what it printed on either stream, and how it ended. */
export async function runInContainer(
  container: Docker.Container,
  argv: readonly string[],
  where: { readonly directory?: string; readonly user?: string } = {},
): Promise<{ exitCode: number; output: string }> {
  const exec = await container.exec({
    Cmd: [...argv],
    AttachStdout: true,
    AttachStderr: true,
    Tty: true,
    ...(where.directory === undefined ? {} : { WorkingDir: where.directory }),
    ...(where.user === undefined ? {} : { User: where.user }),
  });
  const output = await text(await exec.start({ Tty: true }));
  const { ExitCode } = await exec.inspect();
  return { exitCode: ExitCode ?? -1, output };
}
