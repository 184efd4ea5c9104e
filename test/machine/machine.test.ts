import { machineKeys } from "@jitsi-fleet/scaler";
import assert from "node:assert/strict";
import {
  machineBundle,
  type MachineBundle,
  type MachineBundleArgs,
} from "../../components/aws/machine/bundle";
import { registriesValue } from "../../components/aws/machine/registries";
import { importInstanceImage, INSTANCE_IMAGE } from "../agent/instanceImage";
import { imageName } from "../standins/build";
import { Registry } from "../support/registry";
import { SECRET, shard } from "../unit/aws/machineContainers";
import { suites } from "./base";
import { Bed, INSTANCE, PROGRAM } from "./bed";
import { BUCKET } from "./fleetStore";

const IMAGES = {
  prosody: imageName("prosody", "r1"),
  jicofo: imageName("jicofo", "r1"),
  web: imageName("web", "r1"),
};

function shardBundle(
  bed: Bed,
  more: Partial<MachineBundleArgs> = {},
  images: Readonly<Record<string, string>> = IMAGES,
): MachineBundle {
  const containers = (more.containers ?? shard()).map((spec) => ({
    ...spec,
    image: images[spec.name] ?? "",
  }));
  return machineBundle({
    stack: "prod",
    name: "s1",
    role: "shard",
    privateAddress: bed.machine.address,
    nodeImage: imageName("node", "r1"),
    shardState: "ready",
    allowCutCalls: false,
    salt: "a salt of the stack's own, of 32 or more",
    endpoint: bed.surroundings.awsUrl,
    ...more,
    containers,
  });
}

/** Ubuntu, what the machines have, takes minutes: with real containers on it. */
const tried = process.env["FLEET_TEST_SIZE"] === "full" ? suites : (["trixie"] as const);

for (const suite of tried)
  describe(`the user data on ${suite}`, () => {
    const bed = new Bed(suite === "noble" ? 1 : 2, "s1");
    before(async function () {
      this.timeout(900_000);
      await bed.start(suite);
    });
    after(() => bed.stop());

    it("leaves a timer that follows the pointer, valid by systemd's own word", async () => {
      await bed.runUserData();
      const units = ["jitsi-fleet.service", "jitsi-fleet.timer"].map((unit) => `/etc/systemd/system/${unit}`);
      const verified = await bed.machine.run(["systemd-analyze", "verify", "--man=no", ...units]);
      assert.equal(verified.output.replaceAll(/^(?!.*jitsi-fleet).*\n/gm, ""), "");
      assert.match(
        bed.machine.read("var/log/systemctl.log"),
        /daemon-reload\nenable --now jitsi-fleet.timer\n$/,
      );
    });

    it("does nothing that lasts while there is no bundle", async () => {
      const { code, output } = await bed.machine.run([PROGRAM], 200);
      assert.equal(code, 22, output);
      assert.match(output, /404/);
    }).timeout(240_000);

    it("installs Docker and compose, and comes as far as pulling images, which it tells", async () => {
      const sha256 = await bed.store.publish("s1", shardBundle(bed));
      const { code, output } = await bed.follow();
      assert.equal(code, 1, output);
      const compose = await bed.machine.run(["docker", "compose", "version", "--short"]);
      assert.match(compose.output, /^2\.\d+/);
      assert.equal(
        ((await bed.machine.docker.info()) as { LiveRestoreEnabled: boolean }).LiveRestoreEnabled,
        true,
      );
      const { bundle, instance, reason, state } = await bed.store.report("s1");
      assert.deepEqual({ bundle, instance, state }, { bundle: sha256, instance: INSTANCE, state: "failed" });
      assert.match(reason ?? "", /while images were pulled/);
      assert.deepEqual(await bed.containers(), {});
    }).timeout(600_000);

    it("comes to it again ever more slowly", async () => {
      const asked = bed.surroundings.requests.length;
      assert.equal((await bed.follow()).code, 0);
      assert.deepEqual(
        bed.surroundings.requests.slice(asked),
        [`GET /${BUCKET}/machines/s1/current`],
        "the pointer alone",
      );
    });

    it("is let in by a registry by what SSM has for it, which stays nowhere, and tells where it is not", async () => {
      const registry = await Registry.start(bed.machine.gateway);
      try {
        const { docker } = bed.machine;
        bed.machine.write(
          "etc/docker/daemon.json",
          JSON.stringify({ "live-restore": true, "insecure-registries": [registry.host] }),
        );
        await bed.machine.run(["bash", "-c", "kill -HUP $(</run/dockerd.pid)"]);
        await importInstanceImage(docker);
        const pushed = async (name: string): Promise<string> => registry.push(docker, INSTANCE_IMAGE, name);
        const nodeImage = await pushed("node");
        const images = { prosody: await pushed("prosody"), jicofo: nodeImage, web: nodeImage };
        const registries = "/jitsi/prod/registries";
        await bed.store.publish("s1", shardBundle(bed, { nodeImage, registries }, images));
        assert.match(
          (await bed.followAtOnce()).output,
          /there is no parameter \/jitsi\/prod\/registries in SSM/,
        );

        await bed.store.putParameter(
          registries,
          registriesValue([{ ...registry.login, password: "another" }]),
        );
        await bed.followAtOnce();
        const { reason = "" } = await bed.store.report("s1");
        assert.match(
          reason,
          new RegExp(`while images were pulled \\(${nodeImage}: .*unauthorized.*images\\.registries`),
        );

        const other = { host: "docker.io", username: "other", password: "other" };
        await bed.store.putParameter(registries, registriesValue([other, registry.login]));
        const { output } = await bed.followAtOnce();
        // They are there; what is in them is no Node.
        assert.match((await bed.store.report("s1")).reason ?? "", /while it was applied/, output);
        for (const image of Object.values(images)) await docker.getImage(image).inspect();
        const { password } = registry.login;
        const encoded = registriesValue([registry.login]).split(" ")[1] ?? "";
        for (const text of [password, encoded]) assert.deepEqual(await bed.machine.filesWith(text), []);
        const left = await bed.machine.run(["ls", "/run/jitsi-fleet"]);
        assert.ok(!left.output.split("\n").includes("docker"), left.output);
        for (const image of [...Object.values(images), INSTANCE_IMAGE])
          await docker
            .getImage(image)
            .remove()
            .catch(() => undefined);
      } finally {
        await registry.stop();
      }
    }).timeout(300_000);

    if (suite === "noble")
      describe("with the images", () => {
        before(async function () {
          this.timeout(600_000);
          await bed.installImages();
        });

        it("brings the shard up, healthy and hardened, and reports that", async () => {
          const { code, output } = await bed.followAtOnce();
          assert.equal(code, 0, output);
          const containers = await bed.containers();
          assert.deepEqual(Object.keys(containers).sort(), [
            "jitsi-prod-s1-jicofo",
            "jitsi-prod-s1-prosody",
            "jitsi-prod-s1-web",
          ]);
          for (const name of Object.keys(containers)) {
            const { HostConfig, State } = await bed.machine.docker.getContainer(name).inspect();
            assert.equal(State.Health?.Status, "healthy");
            assert.equal(HostConfig.ReadonlyRootfs, true);
            assert.deepEqual(HostConfig.CapDrop, ["ALL"]);
          }
          const { replaced, state } = await bed.store.report("s1");
          assert.deepEqual({ replaced, state }, { replaced: [], state: "applied" });
        }).timeout(300_000);

        it("keeps secrets off its disk, and gives each container its own", async () => {
          assert.deepEqual(await bed.machine.filesWith(SECRET), []);
          const said = await bed.machine.run([
            "docker",
            "exec",
            "jitsi-prod-s1-prosody",
            "cat",
            "/fleet/secrets.env",
          ]);
          assert.match(said.output, new RegExp(`JVB_AUTH_PASSWORD='${SECRET}bridges'`));
          const open = await bed.machine.run(["find", "/run/jitsi-fleet", "-perm", "/o+r", "-type", "f"]);
          assert.equal(open.output, "", "no file of it is everyone's");
        });

        it("does nothing while the pointer is the same", async () => {
          const [before, asked] = [await bed.containers(), bed.surroundings.requests.length];
          assert.equal((await bed.follow()).code, 0);
          assert.deepEqual(await bed.containers(), before);
          assert.equal(bed.surroundings.requests.length, asked + 1);
        });

        it("replaces nothing of a shard in state ready, and tells why", async () => {
          const before = await bed.containers();
          const sha256 = await bed.store.publish(
            "s1",
            shardBundle(bed, { containers: shard({ password: `${SECRET}new` }) }),
          );
          assert.equal((await bed.follow()).code, 0);
          assert.deepEqual(await bed.containers(), before);
          const { bundle, reason, state } = await bed.store.report("s1");
          assert.deepEqual({ bundle, state }, { bundle: sha256, state: "waiting" });
          assert.match(reason ?? "", /would cut calls: shard s1 is in state ready\. Set shard s1 to drain/);
        });

        it("replaces what a bundle changes once the shard is drained and was empty for a while, and nothing else", async () => {
          const before = await bed.containers();
          await bed.store.publish(
            "s1",
            shardBundle(bed, { containers: shard({ password: `${SECRET}new` }), shardState: "drain" }),
          );
          assert.equal((await bed.follow()).code, 0);
          assert.match((await bed.store.report("s1")).reason ?? "", /is empty, and is looked at for/);
          assert.deepEqual(await bed.containers(), before);

          const looks = JSON.parse(bed.machine.read("/run/jitsi-fleet/empty-since.json")) as {
            since: number;
          };
          bed.machine.write(
            "/run/jitsi-fleet/empty-since.json",
            JSON.stringify({ ...looks, since: looks.since - 60 }),
          );
          const { code, output } = await bed.follow();
          assert.equal(code, 0, output);
          const report = await bed.store.report("s1");
          assert.deepEqual([report.state, report.replaced], ["applied", ["prosody"]]);
          const after = await bed.containers();
          assert.equal(after["jitsi-prod-s1-web"], before["jitsi-prod-s1-web"]);
          assert.notEqual(after["jitsi-prod-s1-prosody"], before["jitsi-prod-s1-prosody"]);
          const said = await bed.machine.run([
            "docker",
            "exec",
            "jitsi-prod-s1-prosody",
            "cat",
            "/fleet/secrets.env",
          ]);
          assert.match(said.output, new RegExp(`JVB_AUTH_PASSWORD='${SECRET}new'`));
          const kept = await bed.machine.run(["ls", "/run/jitsi-fleet/files"]);
          assert.equal(kept.output.trim().split("\n").length, 3, "what no container reads any more is gone");
        }).timeout(300_000);

        it("takes no bundle that is not what the pointer names", async () => {
          const before = await bed.containers();
          const named = "ab".repeat(32);
          await bed.store.put(machineKeys("s1").bundle(named), "something else");
          await bed.store.put(machineKeys("s1").pointer, `${named}\n`);
          const { code, output } = await bed.follow();
          assert.notEqual(code, 0);
          assert.match(output, /not what the pointer names/);
          assert.deepEqual(await bed.containers(), before);
        });

        it("has the same containers again after a boot, though their secrets were in memory", async () => {
          await bed.store.publish(
            "s1",
            shardBundle(bed, { containers: shard({ password: `${SECRET}new` }), shardState: "drain" }),
          );
          const before = await bed.containers();
          await bed.machine.reboot();
          const { code, output } = await bed.follow();
          assert.equal(code, 0, output);
          assert.deepEqual(await bed.containers(), before);
        }).timeout(300_000);
      });
  });
