import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import Docker from "dockerode";
import type { RegistryLogin } from "../../scaler/engine/registries";
import { Registry } from "../support/registry";
import { Bed, BRIDGES, STACK, template } from "./bed";
import { INSTANCE_IMAGE } from "./instanceImage";

const socketPath = process.env["ENGINE_DOCKER_SOCKET"] ?? "";
const A = `${BRIDGES}-a`;
const WRONG = "another-password";

describe("a registry that lets in whom it knows", () => {
  const docker = new Docker({ socketPath });
  let bed: Bed;
  let registry: Registry;
  let image: string;

  before(async function () {
    if (socketPath === "") return this.skip();
    await Bed.prepare(socketPath);
    registry = await Registry.start();
    image = await registry.push(docker, INSTANCE_IMAGE, "school/instance");
  });
  after(async () => {
    if (socketPath === "") return;
    await registry.stop();
    await Bed.dismantle(socketPath);
  });
  beforeEach(async () => {
    bed = await Bed.create(socketPath);
  });
  afterEach(async () => {
    await bed.dispose();
    await docker
      .getImage(image)
      .remove()
      .catch(() => undefined);
  });

  const wrong = (): RegistryLogin => ({ ...registry.login, password: WRONG });
  const asked = (): RegExp =>
    new RegExp(
      // Docker 29 says "401 Unauthorized".
      `[Uu]nauthorized.*\\(${registry.host} was asked with the username and password that images\\.registries has for it\\)$`,
    );

  describe("gives the agent an instance's image", () => {
    const startWith = (registries?: RegistryLogin[]): Promise<void> => {
      const bridge = template("bridge");
      const templates = [{ ...bridge, container: { ...bridge.container, Image: image } }];
      return bed.start({ templates, ...(registries === undefined ? {} : { registries }) });
    };
    const failure = async (): Promise<string> => {
      await bed.launch(A);
      const { detail = "" } = await bed.untilIn("failed", A);
      return detail;
    };

    it("by what its configuration has for it", async () => {
      await startWith([{ host: "registry.school.net", username: "u", password: WRONG }, registry.login]);
      await bed.launchUntilRunning(A);
      const [container] = await bed.containers();
      assert.deepEqual([container?.Image, container?.Names], [image, [`/jitsi-${STACK}-${A}`]]);
      assert.ok(!bed.agent.output.includes(registry.login.password) && !bed.agent.output.includes(WRONG));
    });

    it("not with a wrong password, which it says, and not the password", async () => {
      await startWith([wrong()]);
      const detail = await failure();
      assert.match(detail, new RegExp(`^Docker did not pull ${image}: `));
      assert.match(detail, asked());
      assert.ok(!(detail + bed.agent.output).includes(WRONG));
    });

    it("not without a password, and says which setting lacks it", async () => {
      await startWith();
      const lacks = `\\(images\\.registries has no username and password for ${registry.host}\\)$`;
      assert.match(await failure(), new RegExp(`no basic auth credentials ${lacks}`));
    });
  });

  describe("gives `pulumi up` the images of a node's containers", () => {
    /** As the engine runs the command; `argv`: what a process list shows of it, and its environment. */
    async function pullImages(
      registries: readonly RegistryLogin[],
    ): Promise<{ code: number | null; said: string; seen: string }> {
      const target = { connection: { address: `unix://${bed.socket.path}` }, images: [image] };
      const command = ["scripts/built.cjs", "components/docker/commands/pullImages.ts"];
      const child = spawn(process.execPath, command, {
        env: { ...process.env, FLEET_TARGET: JSON.stringify(target) },
        stdio: "pipe",
      });
      const seen = ["cmdline", "environ"]
        .map((of) => readFileSync(`/proc/${child.pid ?? ""}/${of}`, "utf8"))
        .join("");
      child.stdin.end(JSON.stringify({ files: {}, registries }));
      const said = Promise.all([text(child.stdout), text(child.stderr)]);
      const [code] = (await once(child, "close")) as [number | null];
      return { code, said: (await said).join(""), seen };
    }

    it("by what stands on its standard input, and shows nobody the password", async () => {
      const { code, said, seen } = await pullImages([registry.login]);
      assert.deepEqual([code, said], [0, "1 images are there\n"]);
      assert.equal((await docker.getImage(image).inspect()).RepoTags.includes(image), true);
      assert.ok(!seen.includes(registry.login.password) && seen.includes("pullImages"));
      // It is there: nobody is asked.
      assert.equal((await pullImages([wrong()])).code, 0);
    });

    it("not with a wrong password, or none", async () => {
      const { code, said } = await pullImages([wrong()]);
      assert.equal(code, 1);
      assert.match(said.trim(), new RegExp(`^Docker did not pull ${image}: `));
      assert.match(said.trim(), asked());
      assert.ok(!said.includes(WRONG));
      assert.match((await pullImages([])).said, /images\.registries has no username and password for/);
    });
  });
});
