/**
 * Stand-in for the Node language host, `pulumi-language-nodejs`, where the real one cannot be downloaded: runs the
 * program with the SDK's own `cmd/run`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as rpc from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { serve, unary } from "./core";

/** With this code `cmd/run` says that it already told the user what is wrong. */
const alreadyReportedExitCode = 32;

const engineAddress = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
if (engineAddress === undefined) throw new Error("the engine's address is missing");

const programs = new Set<ChildProcess>();

function endPrograms(): void {
  for (const program of programs) program.kill("SIGTERM");
}
process.on("exit", endPrograms);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

function runProgram(request: rpc.RunRequest): Promise<rpc.RunResponse> {
  const info = request.getInfo();
  const programDirectory = info?.getProgramDirectory() ?? request.getPwd();
  const options = info?.getOptions()?.toJavaScript() ?? {};
  const flags: [string, string][] = [
    ["--monitor", request.getMonitorAddress()],
    ["--engine", engineAddress ?? ""],
    ["--organization", request.getOrganization()],
    ["--project", request.getProject()],
    ["--stack", request.getStack()],
    ["--pwd", request.getPwd()],
    ["--root-directory", info?.getRootDirectory() ?? request.getPwd()],
    ["--parallel", String(request.getParallel())],
  ];
  const nodeArguments = typeof options["nodeargs"] === "string" ? options["nodeargs"].split(/\s+/) : [];
  // The program's own SDK, not the one this stand-in was built with.
  const run = require.resolve("@pulumi/pulumi/cmd/run", { paths: [programDirectory] });
  const argv = [
    ...nodeArguments.filter((argument) => argument !== ""),
    run,
    ...flags.filter(([, value]) => value !== "").flat(),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    info?.getEntryPoint() ?? ".",
    ...request.getArgsList(),
  ];
  const program = spawn(process.execPath, argv, {
    cwd: request.getPwd(),
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      // Only for this stand-in: the program finds its own modules.
      NODE_PATH: undefined,
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().getEntryList())),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
      PULUMI_NODEJS_TYPESCRIPT: String(options["typescript"] !== false),
    },
  });
  programs.add(program);
  return new Promise((resolve, reject) => {
    program.once("error", reject);
    program.once("exit", (code, signal) => {
      programs.delete(program);
      const response = new rpc.RunResponse();
      if (code === alreadyReportedExitCode) response.setBail(true);
      else if (code !== 0)
        response.setError(`the program ended with ${signal ?? `exit code ${code ?? "unknown"}`}`);
      resolve(response);
    });
  });
}

/** Runs a policy pack. What it says goes to the engine as it comes: first of all the port at which it listens. */
function runPlugin(call: ServerWritableStream<rpc.RunPluginRequest, rpc.RunPluginResponse>): void {
  const request = call.request;
  const directory = request.getInfo()?.getProgramDirectory() ?? request.getPwd();
  const run = require.resolve("@pulumi/pulumi/cmd/run-policy-pack", { paths: [directory] });
  const plugin = spawn(process.execPath, [run, ...request.getArgsList(), directory], {
    cwd: request.getPwd(),
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...Object.fromEntries(
        request.getEnvList().map((entry) => entry.split(/=(.*)/s, 2) as [string, string]),
      ),
      NODE_PATH: undefined,
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    },
  });
  programs.add(plugin);
  plugin.stdout.on("data", (bytes: Buffer) => call.write(new rpc.RunPluginResponse().setStdout(bytes)));
  plugin.stderr.on("data", (bytes: Buffer) => call.write(new rpc.RunPluginResponse().setStderr(bytes)));
  plugin.once("close", (code) => {
    programs.delete(plugin);
    call.end(new rpc.RunPluginResponse().setExitcode(code ?? 1));
  });
  call.once("cancelled", () => plugin.kill("SIGTERM"));
}

serve(LanguageRuntimeService, {
  runPlugin,
  handshake: unary(() => new rpc.LanguageHandshakeResponse()),
  getPluginInfo: unary(() => new PluginInfo().setVersion("3.0.0")),
  getRequiredPlugins: unary(() => new rpc.GetRequiredPluginsResponse()),
  getRequiredPackages: unary(() => new rpc.GetRequiredPackagesResponse()),
  run: unary(runProgram),
  cancel: unary(() => {
    endPrograms();
    return new Empty();
  }),
});
