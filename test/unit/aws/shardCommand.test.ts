import { machineKeys, type FleetStatus, type ShardState } from "@jitsi-fleet/scaler";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { tarball } from "../../../components/aws/machine/tarball";
import { awsChange } from "../../../operator/awsTargets";
import { writtenAnswers } from "../../../operator/edges";
import { statusOf } from "../../../operator/status";
import { previewSchema, targetsOf, type Step } from "../../../operator/targets";
import { whatKeeps } from "../../../operator/waiting";

const urn = (chain: string, name: string): string =>
  `urn:pulumi:prod::jitsi-fleet::jitsi-fleet:index:${chain}::${name}`;
const update = (of: string, before: object, after: object): Step => ({
  op: "update",
  urn: of,
  oldState: { inputs: { ...before } },
  newState: { inputs: { ...after } },
});

interface Content {
  readonly states?: string;
  /** A shard's own, by its manifest. */
  readonly guard?: object;
  readonly main?: string;
  readonly secrets?: string;
}

async function written(node: string, { guard, main = "", secrets = "r1", states = "" }: Content) {
  const manifest = {
    name: node,
    guard: guard ?? { kind: "edge", others: [] },
    secrets: { revision: secrets },
  };
  const tar = await tarball({
    "manifest.json": { content: JSON.stringify(manifest) },
    "live/haproxy/haproxy.cfg": { content: main },
    "live/haproxy/states.map": { content: states },
  });
  const sha256 = createHash("sha256").update(tar).digest("hex");
  return {
    bundle: {
      bucket: "bundles",
      key: machineKeys(node).bundle(sha256),
      contentBase64: tar.toString("base64"),
    },
    pointer: { bucket: "bundles", key: machineKeys(node).pointer, content: `${sha256}\n` },
  };
}

/** A node's bundle, replaced, and the pointer that leads to it. */
async function rewritten(node: string, before: Content, after: Content): Promise<[Step, Step]> {
  const [was, is] = [await written(node, before), await written(node, after)];
  const chain = `${node.startsWith("edge") ? "Edge" : "Shard"}$jitsi-fleet:aws:Node$aws:s3/bucketObjectv2:BucketObjectv2`;
  return [
    { ...update(urn(chain, `${node}-bundle`), was.bundle, is.bundle), op: "replace" },
    update(urn(chain, `${node}-pointer`), was.pointer, is.pointer),
  ];
}

const states = (s2: ShardState, s22 = "ready"): Content => ({ states: `s2 ${s2}\ns22 ${s22}\n` });
const routes = (s2: ShardState, s22 = "ready") => [
  { node: "s2", state: s2, place: "a", endpoint: { address: "10.0.0.2", port: 8000 } },
  { node: "s22", state: s22, place: "b", endpoint: { address: "10.0.0.3", port: 8000 } },
];
const node = (name: string, before: object, after: object): Step =>
  update(urn("Edge$jitsi-fleet:aws:Node", name), before, after);
const own = (state: ShardState): Content => ({ guard: { kind: "shard", state, command: [] } });

/** All that gives s2 a state, but for what its own machine is told. */
async function whole(from: ShardState, to: ShardState): Promise<Step[]> {
  return [
    ...(await rewritten("edge-1", states(from), states(to))),
    ...(await rewritten("edge-2", states(from), states(to))),
    node("edge-1", { revision: "1", routes: routes(from) }, { revision: "1", routes: routes(to) }),
    node("edge-2", { revision: "1", routes: routes(from) }, { revision: "1", routes: routes(to) }),
    update(urn("Edge", "edge"), { shards: { s2: from, s22: "ready" } }, { shards: { s2: to, s22: "ready" } }),
    update(urn("Shard", "s2"), { release: "r1", state: from }, { release: "r1", state: to }),
  ];
}
const urns = (steps: readonly Step[]): string[] => steps.map((step) => step.urn).sort();
const targets = async (state: ShardState, steps: readonly Step[]): Promise<string[][]> => {
  const found = await targetsOf(previewSchema.parse({ steps }), "s2", awsChange("s2", state));
  return found.map((round) => round.sort());
};

describe("npm run shard: what is updated on AWS", () => {
  it("is the edges' bundles, pointers and nodes, and what shows the state", async () => {
    const same = { op: "same", urn: urn("Edge$jitsi-fleet:aws:Node$aws:ec2/instance:Instance", "edge-1") };
    const steps = await whole("ready", "drain");
    assert.deepEqual(await targets("drain", [same, ...steps]), [urns(steps)]);
    assert.deepEqual(await targets("drain", [same]), []);
  });

  it("tells a shard's own machine first where it is ready again, and otherwise not at all", async () => {
    const steps = await whole("drain", "ready");
    const machine = await rewritten("s2", own("drain"), own("ready"));
    assert.deepEqual(await targets("ready", [...steps, ...machine]), [urns(machine), urns(steps)]);
    assert(awsChange("s2", "ready").patterns.includes("**::s2-pointer"));
    assert(!awsChange("s2", "drain").patterns.some((pattern) => pattern.startsWith("**::s2-")));
    // It was never told of the drain; another release of it waits.
    const release = await rewritten("s2", own("ready"), { ...own("ready"), main: "another" });
    assert.deepEqual(await targets("ready", [...steps, ...release]), [urns(steps)]);
    const both = await rewritten("s2", own("drain"), { ...own("ready"), main: "another" });
    await assert.rejects(
      targets("ready", [...steps, ...both]),
      /brought to s2-bundle, s2-pointer: pulumi preview/,
    );
  });

  it("leaves out what would record another change, and refuses to bring one to a machine", async () => {
    const [bundle, pointer, ...rest] = await whole("ready", "drain");
    assert(bundle && pointer);
    const acting = rest.filter(({ urn: of }) => !/:(?:Edge|Shard)::\w+$/.test(of));
    const renewed = update(
      urn("Shard", "s2"),
      { release: "r1", state: "ready" },
      { release: "r2", state: "drain" },
    );
    const needed = [bundle, pointer, ...acting];
    assert.deepEqual(await targets("drain", [...needed, renewed]), [urns(needed)]);

    const after = states("drain");
    const more: [Step[], RegExp][] = [
      [
        await rewritten("edge-1", states("ready"), { ...after, main: "two" }),
        /edge-1-bundle, edge-1-pointer:/,
      ],
      [await rewritten("edge-1", states("ready"), { ...after, secrets: "r2" }), /edge-1-bundle/],
      [await rewritten("edge-1", states("ready"), states("drain", "maint")), /edge-1-bundle/],
      [[bundle], /edge-1-bundle/],
      [[pointer], /edge-1-pointer/],
      [[{ ...bundle, op: "create" }, pointer], /edge-1-bundle/],
      // Leads elsewhere than to the bundle that was looked at.
      [[bundle, update(pointer.urn, { content: "0" }, { content: "1" })], /edge-1-bundle/],
      [
        [bundle, pointer, node("edge-1", { revision: "1", routes: [] }, { revision: "2", routes: [] })],
        /brought to edge-1:/,
      ],
    ];
    for (const [steps, why] of more) await assert.rejects(targets("drain", [...steps, ...acting]), why);
  });
});

describe("npm run shard: what the edge says on AWS", () => {
  const now = new Date("2026-11-27T16:00:00.000Z");
  const secondsAgo = (seconds: number): string => new Date(now.getTime() - seconds * 1000).toISOString();
  const empty = { conferences: 0, participants: 0, recordings: 0, streams: 0 };
  const page = { s2: { state: "drain" as const, up: true, holds: empty } };
  const told = (...edges: FleetStatus["edges"]): FleetStatus => ({
    knownAt: secondsAgo(1),
    replica: "scaler-1",
    pools: [],
    shards: [],
    edges,
  });
  const first = { edge: "edge-1", knownAt: secondsAgo(2), page };
  const second = { edge: "edge-2", knownAt: secondsAgo(4), page };
  const shards = [{ name: "s2", state: "drain" as const, release: "r1", place: "a", number: 2 }];
  const s2 = (known: Parameters<typeof writtenAnswers>[0]) => {
    const [status] = statusOf({ shards }, writtenAnswers(known));
    assert(status);
    return status;
  };

  it("is what the scaler wrote down, as old as the oldest of it", () => {
    const status = s2(told(second, first));
    assert.deepEqual(status.inForce, { "edge-1": "drain", "edge-2": "drain" });
    assert.equal(status.knownAt, second.knownAt);
    assert.equal(whatKeeps(status), undefined);
  });

  it("is unknown where it is silent, old, or nobody writes it down: never empty", () => {
    const cases: [Parameters<typeof writtenAnswers>[0], RegExp][] = [
      ["never up", /the fleet is not up: bring it up with pulumi up/],
      [{ unknown: "the fleet cannot be measured: its scalers have been silent" }, /have been silent/],
      [told(), /the scaler, of an older version, does not tell of it/],
      [told(first), /of an older version/],
      [told(first, { edge: "edge-2", error: "no answer within 4 s" }), /no answer within 4 s/],
      [told(first, { ...second, knownAt: secondsAgo(70) }), /it has said nothing to the scaler since 20/],
    ];
    for (const [known, why] of cases) {
      const silent = writtenAnswers(known).flatMap((answer) => ("error" in answer ? [answer.error] : []));
      assert.match(silent.at(-1) ?? "", why);
      assert.match(whatKeeps(s2(known)) ?? "", /in force is .*unknown/);
    }
  });
});
