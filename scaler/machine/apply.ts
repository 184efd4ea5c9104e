import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { applyLookedUp } from "../engine/lookedUp";
import { applyLive, untilSettled } from "../engine/live";
import { pullIfAbsent } from "../engine/pull";
import { labels } from "../labels";
import { clearAway, Content, fill, layDown, withFiles, type Self } from "./content";
import { verdictOn, type EmptySince } from "./guard";
import { leave } from "./leave";
import { listens } from "./listens";
import { MANIFEST_FILE, machineManifest, type MachineContainer, type MachineManifest } from "./manifest";
import { planOf, type Plan, type Present } from "./plan";
import type { MachineReport } from "./report";
import { joinParts } from "./secretParts";

export interface ApplyArgs {
  /** Its folder on the machine, and its hash. */
  readonly bundle: { readonly folder: string; readonly sha256: string };
  readonly self: Self;
  /** The machine's root, as this process sees it. */
  readonly root: string;
  readonly docker: Docker;
  /** Runs `docker compose` on the machine. Throws what it says where it fails. */
  readonly compose: (args: readonly string[]) => Promise<void>;
  /** The values of parameters of SSM, in the order in which they are named. */
  readonly parameters: (manifest: MachineManifest) => Promise<string[]>;
}

export type Outcome = Pick<MachineReport, "state" | "reason" | "replaced">;

/** All of a machine's own, in memory: secrets are in it. */
const RUN_FOLDER = "/run/jitsi-fleet";
const COMPOSE_FILE = `${RUN_FOLDER}/compose.json`;
const HEALTHY_LIMIT_SECONDS = 180;
const LISTENING_LIMIT_SECONDS = 60;

interface Service {
  readonly container: MachineContainer;
  readonly revision: string;
  /** Where its files are mounted from; none where it has none. */
  readonly folder: string | undefined;
  readonly service: Record<string, unknown>;
}

/**
 * Brings a machine to what its bundle says. What is as wanted is not touched; images are there before anything is
 * stopped; and nothing is stopped while that would cut a call. Whatever happened to an earlier run, this one goes on.
 * @throws what failed: a part may be in force, and the next run takes up the rest
 */
export async function apply(args: ApplyArgs): Promise<Outcome> {
  const { bundle, docker, root, self } = args;
  const manifest = await manifestOf(root, bundle.folder);
  const parts = await args.parameters(manifest);
  const secrets = parts.length === 0 ? {} : joinParts(parts, manifest.secrets.revision);
  const content = new Content(root, bundle.folder, secrets, self);
  const file = await composeFileOf(root, bundle.folder, self);
  await mkdir(join(root, RUN_FOLDER), { recursive: true, mode: 0o700 });
  const services: Service[] = [];
  for (const container of manifest.containers) {
    const files = await content.mounted(container);
    const folder = Object.keys(files).length === 0 ? undefined : await layDown(root, container, files);
    services.push({ container, folder, ...withFiles(file.services[container.name] ?? {}, folder) });
  }

  const plan = planOf(
    services.map(({ container: { dockerName, name }, revision }) => ({ dockerName, name, revision })),
    await presentOf(docker, manifest),
  );
  const objection = await objectionTo(plan, manifest, args);
  if (objection !== undefined) return { state: "waiting", reason: objection, replaced: [] };

  for (const { container } of services)
    if (!isKept(plan, container)) await pullIfAbsent(docker, container.image);
  const whole = {
    ...file,
    services: Object.fromEntries(services.map((one) => [one.container.name, one.service])),
  };
  await writeFile(join(root, COMPOSE_FILE), JSON.stringify(whole), { mode: 0o600 });
  for (const name of manifest.networks) await ensureNetwork(docker, name, manifest.stack);
  for (const name of plan.removed) await removeContainer(docker, name);
  let fault: string | undefined;
  for (const { container } of services) {
    const deed = plan.steps.find(({ name }) => name === container.name)?.deed;
    // The keeper that is asked to is replaced after it.
    if (deed === "replace" && container.leave && !manifest.allowCutCalls)
      fault = await leave(docker, container.leave);
    if (deed === "create" || deed === "replace")
      await args.compose(up("--force-recreate", "--renew-anon-volumes", container.name));
    if (deed === "start") await args.compose(up("--no-recreate", container.name));
    if (deed !== "keep" && container.isChecked) await untilHealthy(docker, container);
    if (container.live) await applyLive(docker, container.live.target, await liveFiles(content, container));
    if (container.lookedUp)
      await applyLookedUp(
        docker,
        container.lookedUp.target,
        await textsOf(content, container.name, container.lookedUp.files),
      );
  }
  // Only then it serves: another node of the edge may go after this report.
  for (const { container } of services) {
    if (container.live) await untilSettled(docker, container.live.target.settled);
    if (!container.isChecked) await untilListening(container);
  }
  await clearAway(
    root,
    services.flatMap(({ folder }) => folder ?? []),
  );
  const replaced = plan.steps.filter(({ deed }) => deed === "replace").map(({ name }) => name);
  return { state: "applied", ...(fault === undefined ? {} : { reason: fault }), replaced };
}

const up = (...how: string[]): string[] => ["-f", COMPOSE_FILE, "up", "--detach", "--no-deps", ...how];

const isKept = (plan: Plan, container: MachineContainer): boolean =>
  plan.steps.some(({ deed, name }) => name === container.name && deed === "keep");

/** @throws with all faults at once */
export async function manifestOf(root: string, folder: string): Promise<MachineManifest> {
  const path = join(root, folder, MANIFEST_FILE);
  const parsed = machineManifest.safeParse(JSON.parse(await readFile(path, "utf8")));
  if (!parsed.success) throw new Error(`${path} is no manifest of this version: ${parsed.error.message}`);
  return parsed.data;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

async function composeFileOf(root: string, folder: string, self: Self): Promise<ComposeFile> {
  const text = await readFile(join(root, folder, "compose.json"), "utf8");
  return JSON.parse(fill(text, self)) as ComposeFile;
}

/** The node's containers that are there, whatever bundle they are of. */
async function presentOf(docker: Docker, { name, stack }: MachineManifest): Promise<Present[]> {
  const label = [`${labels.stack}=${stack}`, `${labels.node}=${name}`];
  const found = await docker.listContainers({ all: true, filters: { label } });
  return found.map(({ Labels, Names, State }) => ({
    dockerName: (Names[0] ?? "").slice(1),
    revision: Labels[labels.revision],
    isRunning: State === "running" || State === "paused" || State === "restarting",
  }));
}

async function objectionTo(
  plan: Plan,
  manifest: MachineManifest,
  { bundle, docker, root }: ApplyArgs,
): Promise<string | undefined> {
  if (!plan.stopsSomething || manifest.allowCutCalls) return undefined;
  const path = join(root, RUN_FOLDER, "empty-since.json");
  const before = existsSync(path)
    ? (JSON.parse(await readFile(path, "utf8")) as EmptySince | undefined)
    : undefined;
  const { emptySince, objection } = await verdictOn(
    docker,
    manifest,
    bundle.sha256,
    before,
    Date.now() / 1000,
  );
  if (emptySince) await writeFile(path, JSON.stringify(emptySince));
  else await rm(path, { force: true });
  return objection === undefined
    ? undefined
    : `This bundle replaces containers, which would cut calls: ${objection}`;
}

async function ensureNetwork(docker: Docker, name: string, stack: string): Promise<void> {
  const found = await docker.listNetworks({ filters: { name: [`^${name}$`] } });
  if (found.length === 0) await docker.createNetwork({ Name: name, Labels: { [labels.stack]: stack } });
}

async function removeContainer(docker: Docker, name: string): Promise<void> {
  const container = docker.getContainer(name);
  await container.stop().catch((error: unknown) => {
    if (!(error instanceof Error && "statusCode" in error && error.statusCode === 304)) throw error;
  });
  await container.remove({ v: true });
}

async function untilHealthy(docker: Docker, { dockerName }: MachineContainer): Promise<void> {
  const limit = Date.now() + HEALTHY_LIMIT_SECONDS * 1000;
  for (;;) {
    const { State } = await docker.getContainer(dockerName).inspect();
    const health = State.Health?.Status;
    if (State.Running && health === "healthy") return;
    if (Date.now() > limit) {
      const last = State.Health?.Log.at(-1)?.Output.trim();
      throw new Error(
        `${dockerName} is not healthy after ${HEALTHY_LIMIT_SECONDS} s (${State.Status}, ${health ?? "no health"}${last ? `: ${last}` : ""}): see docker logs ${dockerName}`,
      );
    }
    await sleep(1000);
  }
}

async function untilListening({ dockerName, listens: places }: MachineContainer): Promise<void> {
  const limit = Date.now() + LISTENING_LIMIT_SECONDS * 1000;
  for (const { address, port } of places)
    while (!(await listens(address, port))) {
      if (Date.now() > limit)
        throw new Error(
          `${dockerName} does not answer at ${address}:${port} after ${LISTENING_LIMIT_SECONDS} s: see docker logs ${dockerName}`,
        );
      await sleep(500);
    }
}

async function liveFiles(
  content: Content,
  { live, name }: MachineContainer,
): Promise<{ loud: Record<string, string>; quiet: Record<string, string> }> {
  return {
    loud: await textsOf(content, name, live?.files ?? []),
    quiet: await textsOf(content, name, live?.quietFiles ?? []),
  };
}

/** Files that change under a container, by their path. */
async function textsOf(
  content: Content,
  container: string,
  files: MachineContainer["files"],
): Promise<Record<string, string>> {
  const read = files.map(async ({ from, path }): Promise<[string, string]> => [
    path,
    await content.text(`live/${container}/${path}`, from),
  ]);
  return Object.fromEntries(await Promise.all(read));
}
