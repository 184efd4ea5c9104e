import { machineKeys, MANIFEST_FILE, STATES_MAP, type ShardState } from "@jitsi-fleet/scaler";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { edgeNodes } from "../components/aws/addresses";
import { untarred } from "../components/aws/machine/tarball";
import { nameOf, routesWith, inputsInState, type StateChange, type Step } from "./targets";

/**
 * On AWS: the edges' bundles, the pointers that their machines follow, the nodes, whose guard is asked before, and the
 * components that show the state.
 *
 * A shard's own bundle says in which state it is, too: not in ready, its containers may be replaced. What replaces them
 * comes with a whole update, and drain and maint with that; a machine that answers no more can be drained thus. Ready
 * it is told here, before it gets any room.
 */
export const awsChange = (shard: string, state: ShardState): StateChange => {
  const own = state === "ready" ? [shard] : [];
  return {
    patterns: [
      ...[...edgeNodes, ...own].flatMap((node) => [`**::${bundleOf(node)}`, `**::${pointerOf(node)}`]),
      ...edgeNodes.map((node) => `**$jitsi-fleet:aws:Node::${node}`),
      "**::jitsi-fleet:index:Edge::edge",
      `**::jitsi-fleet:index:Shard::${shard}`,
    ],
    choose: async (changes) => {
      const given = { shard, state };
      const shards = await Promise.all(own.map((node) => bundleSteps(node, changes, given)));
      const edges = await Promise.all(edgeNodes.map((node) => bundleSteps(node, changes, given)));
      const components = changes.filter(isComponent).map((step) => componentStep(step, given));
      const alone = (parts: readonly Part[]): Step[] => parts.flatMap((part) => part.alone);
      return {
        rounds: [alone(shards), alone([...edges, ...components])],
        more: [...shards, ...edges, ...components].flatMap(({ more }) => more),
      };
    },
  };
};

interface Given {
  readonly shard: string;
  readonly state: ShardState;
}
interface Part {
  readonly alone: readonly Step[];
  readonly more: readonly Step[];
}

const bundleOf = (node: string): string => `${node}-bundle`;
const pointerOf = (node: string): string => `${node}-pointer`;
const isComponent = ({ urn }: Step): boolean => /jitsi-fleet:(?:index|aws):\w+::[^:]+$/.test(urn);
const isNode = ({ urn }: Step): boolean => urn.includes("jitsi-fleet:aws:Node::");

function componentStep(step: Step, { shard, state }: Given): Part {
  const [before, after] = [step.oldState?.inputs, step.newState?.inputs];
  const given = (inputs: Readonly<Record<string, unknown>>): unknown =>
    isNode(step)
      ? { ...inputs, routes: routesWith(inputs["routes"], shard, state) }
      : inputsInState(inputs, shard, state);
  const isAlone = step.op === "update" && before && after && isDeepStrictEqual(given(before), given(after));
  return { alone: isAlone ? [step] : [], more: isNode(step) && !isAlone ? [step] : [] };
}

const bundleInputs = z.object({ key: z.string(), contentBase64: z.base64() }).loose();
const pointerInputs = z.object({ content: z.string() }).loose();
const manifestSchema = z
  .object({ guard: z.object({ kind: z.string(), state: z.string().optional() }).loose() })
  .loose();

/** A machine's bundle and its pointer as they were and will be. */
interface Pointed {
  readonly bundle: z.output<typeof bundleInputs>;
  readonly pointer: z.output<typeof pointerInputs>;
  readonly files: Readonly<Record<string, string>>;
}

/** What becomes of a machine's bundle and its pointer. Nothing where the state in it stays. */
async function bundleSteps(node: string, changes: readonly Step[], given: Given): Promise<Part> {
  const steps = changes.filter((step) => [bundleOf(node), pointerOf(node)].includes(nameOf(step)));
  const more = { alone: [], more: steps };
  const bundle = steps.find((step) => nameOf(step) === bundleOf(node) && step.op === "replace");
  const pointer = steps.find((step) => nameOf(step) === pointerOf(node) && step.op === "update");
  if (!bundle || !pointer || steps.length > 2) return more;
  const [before, after] = await Promise.all(
    (["oldState", "newState"] as const).map((when) =>
      pointed(node, bundle[when]?.inputs, pointer[when]?.inputs),
    ),
  );
  if (!before || !after) return more;
  if (node === given.shard && stateIn(before) === stateIn(after)) return { alone: [], more: [] };
  return isDeepStrictEqual(withGiven(before, given), withGiven(after, given))
    ? { alone: steps, more: [] }
    : more;
}

/** Undefined where the pointer does not lead to the bundle, or one of them is not known yet. */
async function pointed(node: string, bundle: unknown, pointer: unknown): Promise<Pointed | undefined> {
  const [read, leads] = [bundleInputs.safeParse(bundle), pointerInputs.safeParse(pointer)];
  if (!read.success || !leads.success) return undefined;
  if (machineKeys(node).bundle(leads.data.content.trim()) !== read.data.key) return undefined;
  const files = await untarred(Buffer.from(read.data.contentBase64, "base64"));
  return { bundle: read.data, pointer: leads.data, files };
}

const manifestOf = ({ files }: Pointed) => manifestSchema.parse(JSON.parse(files[MANIFEST_FILE] ?? ""));
/** A shard's, by its own bundle. */
const stateIn = (of: Pointed): string | undefined => manifestOf(of).guard.state;

/** All of it with the state in each of the places that it has there. */
function withGiven(of: Pointed, { shard, state }: Given): unknown {
  const { bundle, files, pointer } = of;
  const { guard, ...manifest } = manifestOf(of);
  const given = Object.entries(files).map(([path, content]): [string, string] => [
    path,
    path.endsWith(`/${STATES_MAP}`)
      ? content.replace(new RegExp(`^${shard} .*$`, "m"), `${shard} ${state}`)
      : content,
  ]);
  return {
    bundle: { ...bundle, key: "", contentBase64: "" },
    pointer: { ...pointer, content: "" },
    files: { ...Object.fromEntries(given), [MANIFEST_FILE]: "" },
    manifest: { ...manifest, guard: guard.kind === "shard" ? { ...guard, state } : guard },
  };
}
