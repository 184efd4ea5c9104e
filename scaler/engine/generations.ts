import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { archive } from "./archive";
import { runInContainer } from "./exec";

/** Files that change under a running container: a directory of each generation of them, and links that lead to one. */

const START_LIMIT_SECONDS = 60;

/** A name for what files hold. */
export const hashOf = (files: Readonly<Record<string, string>>): string =>
  createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 12);

/** Writes a generation of the files, readable for the container's group. */
export async function write(
  container: Docker.Container,
  directory: string,
  generation: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const { Config } = await container.inspect();
  const gid = Number(Config.User.split(":")[1] ?? 0);
  const named = Object.fromEntries(
    Object.entries(files).map(([name, content]) => [`${generation}/${name}`, content]),
  );
  await container.putArchive(await archive(named, { uid: 0, gid, mode: 0o440 }), { path: directory });
}

/** Where a link in the container leads; undefined where there is none. */
export async function leadsTo(container: Docker.Container, path: string): Promise<string | undefined> {
  const { exitCode, output } = await runInContainer(container, ["readlink", path], { user: "0:0" });
  return exitCode === 0 ? output.trim() : undefined;
}

/** Leads a link to a generation, in one step. */
export async function link(
  container: Docker.Container,
  directory: string,
  name: string,
  generation: string,
): Promise<void> {
  const script = `ln -sfn ${generation} ${name}.next && mv -T ${name}.next ${name}`;
  const { exitCode, output } = await runInContainer(container, ["/bin/sh", "-c", script], {
    directory,
    user: "0:0",
  });
  if (exitCode !== 0) throw new Error(`${directory}/${name} could not be led to ${generation}: ${output}`);
}

/** Removes all generations but one. */
export async function removeOthers(
  container: Docker.Container,
  directory: string,
  generation: string,
): Promise<void> {
  const stale = `find . -maxdepth 1 -name 'generation-*' ! -name ${generation} -exec rm -r {} +`;
  await runInContainer(container, ["/bin/sh", "-c", stale], { directory, user: "0:0" });
}

/** Waits for the container to run: a host that comes back starts it again. */
export async function running(container: Docker.Container): Promise<void> {
  const limit = Date.now() + START_LIMIT_SECONDS * 1000;
  for (;;) {
    const { State } = await container.inspect();
    if (State.Running && !State.Restarting) return;
    if (Date.now() > limit) throw new Error(`The container does not run (${State.Status}): see its log`);
    await sleep(500);
  }
}
