import { text } from "node:stream/consumers";
import { liveTarget, lookedUpTarget, programNames } from "@jitsi-fleet/scaler";
import { registryLogin, type RegistryLogin } from "@jitsi-fleet/scaler/engine/registries";
import { z } from "zod";
import type { Connection } from "../connection";

/**
 * What the commands in this folder are given. The plain part is in an environment variable, so that a preview
 * shows what changes in it; the secret part comes on standard input, so that no process list or log shows it.
 */
const connection = z.object({ address: z.string(), hostKey: z.string().optional() });

export const filesTarget = z.object({
  connection,
  volume: z.string(),
  /** Image of the container that writes the volume; it is never started. */
  image: z.string(),
  /** Whose the files are. */
  owner: z.object({ uid: z.number(), gid: z.number() }),
  /** A program to put beside the files, and its hash, so that a change of its sources is seen. */
  program: z.object({ name: z.enum(programNames), sha256: z.string() }).optional(),
});

/** Images that are to be there before containers are made of them. */
export const imagesTarget = z.object({ connection, images: z.array(z.string()) });

/** What is left of a stack's pools on a host is ended and removed. */
export const sweepTarget = z.object({
  connection,
  stack: z.string(),
  /** Name of the agent's container, which launches nothing more from then on. */
  agent: z.string(),
});

export const hostLiveTarget = liveTarget.extend({ connection });
export const hostLookedUpTarget = lookedUpTarget.extend({ connection });

const secretInput = z.object({
  tls: z.object({ ca: z.string(), certificate: z.string(), privateKey: z.string() }).optional(),
  files: z.record(z.string(), z.string()),
  registries: z.array(registryLogin).default([]),
});

export type FilesTarget = z.output<typeof filesTarget>;
export type HostLiveTarget = z.output<typeof hostLiveTarget>;
export type HostLookedUpTarget = z.output<typeof hostLookedUpTarget>;
export type ImagesTarget = z.output<typeof imagesTarget>;
export type SweepTarget = z.output<typeof sweepTarget>;

export const TARGET_VARIABLE = "FLEET_TARGET";
/** JSON of whom it works for: read by guard and preflight, not by the command. */
export const SUBJECT_VARIABLE = "FLEET_SUBJECT";
export const MAIN_FILE_VARIABLE = "FLEET_MAIN_FILE";
/** JSON of the files that are no reload, by their name. */
export const QUIET_FILES_VARIABLE = "FLEET_QUIET_FILES";
/** JSON of the routes in force: for who reads a preview, not for the command. */
export const ROUTES_VARIABLE = "FLEET_ROUTES";

const anyTarget = z.object({ connection });
const commandInputs = z.object({
  environment: z.object({ [TARGET_VARIABLE]: z.string() }),
  stdin: z.string(),
});

/** What a command works on: how to reach the engine, the files to put there, and whom registries let in. */
export interface Input<Target> {
  readonly target: Target;
  readonly connection: Connection;
  readonly files: Readonly<Record<string, string>>;
  readonly registries: readonly RegistryLogin[];
}

/** How a command reaches its engine, by the inputs of its resource; undefined for what is none of these commands. */
export function connectionOf(inputs: unknown): Connection | undefined {
  const resource = commandInputs.safeParse(inputs);
  if (!resource.success) return undefined;
  const { environment, stdin } = resource.data;
  const { tls } = secretInput.parse(JSON.parse(stdin));
  return { ...anyTarget.parse(JSON.parse(environment[TARGET_VARIABLE])).connection, tls };
}

/** Reads what this command was given. Throws where it was started by hand. */
export async function readInput<Target extends { connection: Connection }>(
  schema: z.ZodType<Target>,
): Promise<Input<Target>> {
  const given = process.env[TARGET_VARIABLE];
  if (given === undefined) throw new Error(`${TARGET_VARIABLE} is not set: pulumi starts this command`);
  const target = schema.parse(JSON.parse(given));
  const { tls, ...secrets } = secretInput.parse(JSON.parse(await text(process.stdin)));
  return { target, connection: { ...target.connection, tls }, ...secrets };
}

/** Runs a command's main function: its result is printed, a failure told in one line. */
export function runCommand(main: () => Promise<string>): void {
  main().then(
    (result) => console.log(result),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
    },
  );
}
