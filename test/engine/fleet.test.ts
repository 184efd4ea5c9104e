import assert from "node:assert/strict";
import fc from "fast-check";
import "./ready";
import { EngineStack, type PreviewJson, type StateResource } from "./workspace";

/**
 * The program on the real engine, in previews alone: what mocks cannot show, namely parents, options and names. What
 * is really made is shown by the end-to-end tests.
 */
const runs = process.env["FLEET_TEST_SIZE"] === "full" ? 20 : 3;

interface Fleet {
  readonly shards: readonly number[];
  readonly bridges: number;
  readonly jibris: number;
  readonly hosts: number;
}

function config({ shards, bridges, jibris, hosts }: Fleet): Record<string, unknown> {
  return {
    production: false,
    domain: "meet.school.test",
    shards: shards.map((number) => ({ name: `s${number}`, host: `h${number % hosts}` })),
    bridges: { min: bridges, max: bridges },
    jibris: { free: jibris, max: Math.max(jibris, 1) },
    auth: { type: "jwt", appId: "school", appSecret: "secret-of-the-tokens" },
    docker: {
      hosts: Array.from({ length: hosts }, (_, index) => ({
        name: `h${index}`,
        address: `unix:///nowhere/h${index}.sock`,
        publicAddress: `198.51.100.${index + 1}`,
        privateAddress: `10.213.0.${index + 1}`,
        roles: index === 0 ? ["edge", "shard", "bridge", "jibri", "scaler"] : ["shard", "bridge", "jibri"],
        udpPorts: "10000-12999",
        slots: { bridges: 200, jibris: 20 },
      })),
    },
  };
}

async function preview(fleet: Fleet): Promise<PreviewJson> {
  const stack = await EngineStack.create({ programDir: process.cwd(), stack: "plan", config: config(fleet) });
  try {
    return await stack.previewJson();
  } finally {
    await stack.dispose();
  }
}

/** What is declared, by the part of the URN that says what and whose it is. */
function declared({ steps }: PreviewJson): Map<string, StateResource> {
  return new Map(
    steps.flatMap(({ urn, newState }) =>
      newState ? [[urn.split("::").slice(2).join("::"), newState] as const] : [],
    ),
  );
}

const nameOf = (key: string): string => key.split("::").at(-1) ?? "";
const typeOf = (key: string): string => key.split("::")[0]?.split("$").at(-1) ?? "";
const belongsTo = (shard: number) => (key: string) => new RegExp(`^s${shard}(-|$)`).test(nameOf(key));

describe("the program on the real engine", function () {
  this.timeout(900_000);
  let fleet: Map<string, StateResource>;

  before(async () => {
    fleet = declared(await preview({ shards: [1, 2], bridges: 2, jibris: 2, hosts: 2 }));
  });

  it("has every resource below the component whose it is", () => {
    const topLevel = [...fleet]
      .filter(([key]) => !key.includes("$"))
      .map(([key]) => `${typeOf(key)} ${nameOf(key)}`);
    assert.deepEqual(topLevel.sort(), [
      "command:local:Command keystone",
      "jitsi-fleet:docker:Control control",
      "jitsi-fleet:index:BridgePool s1-bridges",
      "jitsi-fleet:index:BridgePool s2-bridges",
      "jitsi-fleet:index:Edge edge",
      "jitsi-fleet:index:JibriPool jibris",
      "jitsi-fleet:index:ScalerService scaler",
      "jitsi-fleet:index:Shard s1",
      "jitsi-fleet:index:Shard s2",
      "pulumi:providers:docker host-h0",
      "pulumi:providers:docker host-h1",
      "pulumi:pulumi:Stack jitsi-fleet-plan",
      "random:index/randomPassword:RandomPassword jibri-recorder",
      "random:index/randomPassword:RandomPassword jibri-xmpp",
      "random:index/randomPassword:RandomPassword uploads",
    ]);
    for (const [key, { parent = "" }] of fleet)
      if (/Container$/.test(typeOf(key)))
        assert.equal(nameOf(parent), nameOf(key).replace(/-[a-z]+$/, ""), key);
  });

  it("names containers, networks and volumes after the stack, and runs each on its host's own plug-in", () => {
    for (const [key, { inputs, provider }] of fleet) {
      if (!typeOf(key).startsWith("docker:index/")) continue;
      assert.match(String(inputs?.["name"]), /^jitsi-plan-/, key);
      assert.match(provider ?? "", /::host-h[01]::/, key);
    }
  });

  it("keeps recordings when the stack is destroyed, and nothing else", () => {
    const kept = [...fleet]
      .filter(([, { retainOnDelete }]) => retainOnDelete === true)
      .map(([key]) => nameOf(key));
    assert.deepEqual(kept.sort(), ["agent-h0-recordings", "agent-h1-recordings"]);
  });

  it("shows no secret in a preview", () => {
    const shown = JSON.stringify([...fleet.values()]);
    assert(!shown.includes("secret-of-the-tokens"));
    assert(!shown.includes("PRIVATE KEY"));
  });

  it("touches no other shard when one is added, and only its own when one is removed, whatever the fleet", async () => {
    const fleets = fc.record({
      shards: fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 4 }),
      bridges: fc.integer({ min: 1, max: 3 }),
      jibris: fc.integer({ min: 0, max: 2 }).map((count) => Math.max(count, 1)),
      hosts: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fleets, fc.nat(), async (larger, pick) => {
        const left = larger.shards[pick % larger.shards.length] ?? 0;
        const smaller = { ...larger, shards: larger.shards.filter((number) => number !== left) };
        const [before, after] = [declared(await preview(smaller)), declared(await preview(larger))];

        const came = [...after.keys()].filter((key) => !before.has(key));
        const others = came.filter(
          (key) => !belongsTo(left)(key) && typeOf(key) !== "pulumi:providers:docker",
        );
        assert.deepEqual(others, [], "something else came with the shard");
        assert.deepEqual(
          [...before.keys()].filter((key) => !after.has(key)),
          [],
          "something went",
        );

        const changed = [...before]
          .filter(([key, state]) => !same(state, after.get(key)))
          .map(([key]) => nameOf(key));
        const allowed =
          /^(edge|edge-h[0-9]-haproxy-configuration|agent-h[0-9](-agent(-files)?)?|scaler(-scaler(-files)?)?|jitsi-fleet-plan)$/;
        assert.deepEqual(
          changed.filter((name) => !allowed.test(name)),
          [],
          "another shard is touched",
        );
      }),
      { numRuns: runs, endOnFailure: true },
    );
  });
});

describe("npm run shard on a stack that is not up", function () {
  this.timeout(600_000);
  let stack: EngineStack;

  before(async () => {
    const own = config({ shards: [], bridges: 2, jibris: 1, hosts: 1 });
    delete own["shards"];
    stack = await EngineStack.create({ programDir: process.cwd(), stack: "plan", config: own });
  });
  after(() => stack.dispose());

  /** Runs the command, which must refuse for that reason and leave the settings as they are. */
  async function refused(args: string[], why: RegExp): Promise<void> {
    const before = await stack.configFile();
    const { exitCode, stderr, stdout } = await stack.script("scripts/shard.mjs", args);
    assert.equal(exitCode, 1);
    assert.match(stderr, /such as its first update, do that first: pulumi up/);
    assert.match(stdout, why);
    assert(!(stdout + stderr).includes("secret-of-the-tokens"));
    assert.equal(await stack.configFile(), before);
  }

  it("sets nothing where nothing can be brought in force, whether shards are the default ones or its own", async () => {
    await refused(["drain", "s2"], /shards\[1\]\.state is ready again/);
    await stack.setConfig("shards[0].name", "s4");
    await stack.setConfig("shards[1].name", "s5");
    await stack.setConfig("shards[1].state", "drain");
    await refused(["ready", "s5"], /shards\[1\]\.state is drain again/);
  });
});

/** Whether the engine would see no difference: inputs, parent and options; not when it was made. */
function same(one: StateResource, other: StateResource | undefined): boolean {
  const parts = ({ inputs, parent, provider, ignoreChanges, retainOnDelete }: StateResource): unknown => ({
    inputs,
    parent,
    provider,
    ignoreChanges,
    retainOnDelete,
  });
  return other !== undefined && JSON.stringify(parts(one)) === JSON.stringify(parts(other));
}
