import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parse } from "yaml";
import { commandsBelow, commandsTo } from "../support/readme";
import { selfSigned } from "../support/selfSigned";
import "./ready";
import { EngineStack, type CliResult } from "./workspace";

/** Commands as they stand in README.md, on the real engine. Those that need a fleet that is up: the end-to-end tests. */
describe("README.md on the real engine", function () {
  this.timeout(600_000);
  let stack: EngineStack;
  /** A stack begun with the project's own file, whose passphrase is the tests'. */
  beforeEach(async () => {
    stack = await EngineStack.create({
      programDir: process.cwd(),
      stack: "dev",
      configFile: "Pulumi.dev.yaml",
    });
  });
  afterEach(() => stack.dispose());

  async function succeed(command: string, env: NodeJS.ProcessEnv = {}): Promise<CliResult> {
    const result = await stack.typed(command, { env });
    assert.equal(result.exitCode, 0, `${command}\n${result.stdout}\n${result.stderr}`);
    return result;
  }
  const shards = async (): Promise<unknown> =>
    (parse(await stack.configFile()) as { config: Record<string, unknown> }).config["jitsi-fleet:shards"];
  const planned = async (): Promise<string[]> => {
    const { steps } = await stack.previewJson();
    return steps.flatMap(({ urn }) => /::jitsi-fleet:index:Shard::(.*)$/.exec(urn)?.[1] ?? []).sort();
  };

  it("adds a shard where shards are the default ones, and keeps the rest of the settings", async () => {
    const before = await stack.configFile();
    const commands = commandsTo("add a shard");
    assert.deepEqual(commands.at(-1), "pulumi up");
    for (const command of commands.slice(0, -1)) await succeed(command);
    assert.deepEqual(await shards(), [
      { name: "s1", state: "ready" },
      { name: "s2", state: "ready" },
      { name: "s3" },
    ]);
    for (const line of before.trim().split("\n")) assert((await stack.configFile()).includes(line), line);
    assert.deepEqual(await planned(), ["s1", "s2", "s3"]);
  });

  it("upgrades and removes shards that are not up without a drain", async () => {
    await succeed(commandsTo("add a shard")[0] ?? "");
    const without = (todo: string): string[] =>
      commandsTo(todo).filter((command) => !/drain|ready|pulumi up/.test(command));
    for (const command of [...without("upgrade a shard"), ...without("remove a shard")])
      await succeed(command);
    assert.deepEqual(await shards(), [
      { name: "s1", state: "ready" },
      { name: "s2", state: "ready", release: "stable-11146-2" },
    ]);
    assert.deepEqual(await planned(), ["s1", "s2"]);
  });

  it("refuses what the settings would not take, and changes nothing", async () => {
    const before = await stack.configFile();
    const refused: [string, RegExp][] = [
      ["add s2", /There is a shard s2 already/],
      ["add s3 --host nowhere", /shards\[2\]\.host: .*nowhere/],
      ["add third", /shards\[2\]\.name: /],
      ["remove s3", /There is no shard s3; there are: s1, s2/],
      ["upgrade s2 --release 'a b'", /shards\[1\]\.release: /],
    ];
    for (const [command, why] of refused) {
      const { exitCode, stderr } = await stack.typed(`npm run shard -- ${command}`);
      assert.equal(exitCode, 1, command);
      assert.match(stderr, why);
    }
    assert.equal(await stack.configFile(), before);
  });

  it("tells of a list with gaps what made them and how to mend it", async () => {
    await stack.setConfig("shards[2].name", "s3");
    const { exitCode, stderr } = await stack.typed("npm run shard -- status");
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /shards\[0\]: is null: pulumi config set --path left it .* pulumi config rm shards, then npm run shard -- add/,
    );
    await succeed("pulumi config rm shards");
    await succeed("npm run shard -- add s3");
  });

  it("changes pools, a host and what may be cut by the settings' paths", async () => {
    for (const todo of ["more bridges at most, or always", "more free recorders", "cut calls on purpose"])
      for (const command of commandsTo(todo)) if (command !== "pulumi up") await succeed(command);
    assert.deepEqual(await planned(), ["s1", "s2"]);
  });

  it("leads from Pulumi.hosts.yaml to a stack", async () => {
    const directory = await mkdtemp(join(tmpdir(), "readme-"));
    try {
      const put = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text);
      const pem = selfSigned("meet.my-school.org").toString();
      const [, key = ""] = /(-----BEGIN PRIVATE KEY-----[^]*?-----END PRIVATE KEY-----\n)/.exec(pem) ?? [];
      const [, certificate = ""] =
        /(-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----\n)/.exec(pem) ?? [];
      await Promise.all([
        ...[put("fullchain.pem", certificate), put("privkey.pem", key)],
        ...[put("access-key-id.txt", "AKIDEXAMPLE\n"), put("secret-access-key.txt", "hush\n")],
        // There are no such hosts: it says what they would.
        put(
          "ssh-keyscan",
          `#!/bin/sh\necho "$3 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZsZWV0LXRlc3Qta2V5LXRoYXQtbm9ib2R5LWhh"\n`,
        ),
      ]);
      await chmod(join(directory, "ssh-keyscan"), 0o755);
      const env = { PATH: [directory, stack.path].join(delimiter) };
      const commands = commandsBelow("A fleet of your own");
      assert.deepEqual(
        [commands[0], commands.at(-1)],
        ["cp Pulumi.hosts.yaml Pulumi.school.yaml", "pulumi up"],
      );
      // In the place of the operator's own files, and of an update that needs the hosts.
      for (const command of commands)
        await succeed(
          command
            .replace(/< (\S+)$/, `< ${directory}/$1`)
            .replace(/^pulumi up$/, "pulumi preview --stack school"),
          env,
        );
      const { stdout } = await stack.typed("cat Pulumi.school.yaml");
      assert(!stdout.includes("hush") && !stdout.includes("BEGIN PRIVATE KEY"));
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
