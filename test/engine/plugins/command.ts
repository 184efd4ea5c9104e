/** Stand-in for `pulumi-resource-command`: really runs the commands. Only `local.Command`. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { type Operation, type ResourceType, serveProvider } from "./core";
import type { Properties } from "./properties";
import { text, textMap, texts } from "./values";

/** What the real plug-in also has, and nothing here needs yet. */
const notSupported = ["assetPaths", "archivePaths"];

/** Runs a command and returns what it printed; throws with the output when it fails. */
async function run(
  command: string,
  inputs: Properties,
  previous: Properties,
  { signal, log }: Operation<null>,
): Promise<Properties> {
  const given = texts(inputs["interpreter"]);
  const [program = "/bin/sh", ...leading] = given.length > 0 ? given : ["/bin/sh", "-c"];
  const child = spawn(program, [...leading, command], {
    cwd: text(inputs["dir"]) ?? process.cwd(),
    env: {
      ...process.env,
      ...textMap(inputs["environment"]),
      ...(inputs["addPreviousOutputInEnv"] === false ? {} : previousOutput(previous)),
    },
    stdio: ["pipe", "pipe", "pipe"],
    signal,
    killSignal: "SIGKILL",
  });
  // A command that does not read its standard input closes it early.
  child.stdin.on("error", () => undefined);
  child.stdin.end(text(inputs["stdin"]) ?? "");

  const printed = { stdout: "", stderr: "", both: "" };
  const logging = text(inputs["logging"]) ?? "stdoutAndStderr";
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (chunk: string) => {
      printed[stream] += chunk;
      printed.both += chunk;
      if (logging === stream || logging === "stdoutAndStderr") log(chunk.trimEnd());
    });
  }
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signalName) =>
      resolve(
        code === 0
          ? undefined
          : signalName === null
            ? `exit status ${code ?? "unknown"}`
            : `signal: ${signalName}`,
      ),
    );
  });
  if (failure !== undefined)
    throw new Error(`${failure}: running ${JSON.stringify(command)}:\n${printed.both}`);
  return { stdout: printed.stdout.replace(/\n$/, ""), stderr: printed.stderr.replace(/\n$/, "") };
}

function previousOutput(previous: Properties): Record<string, string> {
  const [stdout, stderr] = [text(previous["stdout"]), text(previous["stderr"])];
  return {
    ...(stdout === undefined || stdout === "" ? {} : { PULUMI_COMMAND_STDOUT: stdout }),
    ...(stderr === undefined || stderr === "" ? {} : { PULUMI_COMMAND_STDERR: stderr }),
  };
}

const noOutput = { stdout: "", stderr: "" };

const command: ResourceType<null> = {
  inputs: [
    "create",
    "update",
    "delete",
    "triggers",
    "stdin",
    "environment",
    "dir",
    "interpreter",
    "logging",
    "addPreviousOutputInEnv",
  ],
  outputs: ["stdout", "stderr"],
  outputsOfUpdate: ["stdout", "stderr"],
  forceNew: ["triggers"],
  check: (inputs) =>
    notSupported
      .filter((property) => inputs[property] !== undefined)
      .map((property) => ({ property, reason: "is not supported by the stand-in plug-in" })),
  create: async (inputs, operation) => {
    const create = text(inputs["create"]);
    const output = create === undefined ? noOutput : await run(create, inputs, {}, operation);
    return { id: `${operation.name}${randomBytes(4).toString("hex")}`, outputs: { ...inputs, ...output } };
  },
  update: async (old, inputs, operation) => {
    const update = text(inputs["update"]) ?? text(inputs["create"]);
    const previous = { stdout: old.outputs["stdout"] ?? "", stderr: old.outputs["stderr"] ?? "" };
    const output = update === undefined ? previous : await run(update, inputs, previous, operation);
    return { ...inputs, ...output };
  },
  delete: async ({ inputs, outputs }, operation) => {
    const command = text(inputs["delete"]);
    if (command !== undefined) await run(command, inputs, outputs, operation);
  },
};

const remote: ResourceType<null> = {
  ...command,
  inputs: [...command.inputs, "connection"],
  check: () => [{ property: "connection", reason: "the stand-in plug-in runs local commands only" }],
};

serveProvider({
  version: "1.2.1",
  config: [],
  configure: () => null,
  tracksSecrets: true,
  types: { "command:local:Command": command, "command:remote:Command": remote },
});
