import { labels } from "@jitsi-fleet/scaler";
import assert from "node:assert/strict";
import { Mending, type Inventory } from "../../../components/docker/mending";
import { State, type StateResource } from "../../../components/guard/state";

const here = (parts: Partial<Inventory>): Inventory => ({
  containers: new Set(),
  running: new Set(),
  networks: new Set(),
  volumes: new Map(),
  shards: [],
  ...parts,
});
const resource = (type: string, name: string, outputs: Record<string, unknown>): StateResource => ({
  urn: `urn::${name}`,
  type,
  name,
  outputs,
});
const labelled = (made?: number): { labels: { label: string; value: string }[] } => ({
  labels: made === undefined ? [] : [{ label: labels.made, value: String(made) }],
});
const volumeInState = (made?: number): StateResource =>
  resource("docker:index/volume:Volume", "s1-prosody-files", labelled(made));
const commandInState = (made?: number): StateResource =>
  resource("command:local:Command", "s1-prosody-files", {
    triggers: ["jitsi-dev-s1-prosody-files", ...(made === undefined ? [] : [made])],
  });

describe("what is lost on a host", () => {
  const thing = { resource: "s1-prosody-files", place: "a", name: "jitsi-dev-s1-prosody-files" };
  const user = "jitsi-dev-s1-prosody";
  /** The number of the volume with files, and whether it is told as lost. */
  function volume(state: StateResource[], host: Inventory | undefined): [number, boolean] {
    const mending = new Mending(new State(state), new Map(host ? [["a", host]] : []));
    return [mending.volume(thing, user, "s1-prosody-files"), mending.isLost(thing)];
  }
  const there = (made?: number, more: Partial<Inventory> = {}): Inventory =>
    here({
      volumes: new Map([
        [
          thing.name,
          { [labels.stack]: "dev", ...(made === undefined ? {} : { [labels.made]: String(made) }) },
        ],
      ]),
      ...more,
    });

  it("is nothing of a new fleet, of one that is whole, or of a host that does not answer", () => {
    assert.deepEqual(volume([], undefined), [0, false]);
    assert.deepEqual(volume([], here({})), [0, false]);
    assert.deepEqual(volume([volumeInState(), commandInState()], there()), [0, false]);
    assert.deepEqual(volume([volumeInState(2), commandInState(2)], there(2)), [2, false]);
    assert.deepEqual(volume([volumeInState(2), commandInState(2)], undefined), [2, false]);
  });

  it("is a volume that the host has not: it is made with another number, and so is what fills it", () => {
    assert.deepEqual(volume([volumeInState(), commandInState()], here({})), [1, true]);
    assert.deepEqual(volume([volumeInState(1), commandInState(1)], here({})), [2, true]);
  });

  it("is one that somebody made by hand, or Docker by itself: it is empty; unless its container runs on it", () => {
    const byHand = new Map([[thing.name, {}]]);
    assert.deepEqual(volume([volumeInState(), commandInState()], here({ volumes: byHand })), [1, true]);
    const running = new Set([user]);
    assert.deepEqual(volume([volumeInState(), commandInState()], here({ volumes: byHand, running })), [
      0,
      false,
    ]);
  });

  it("is filled anew where a refresh took it out of the state, and after an update that ended between the two", () => {
    assert.deepEqual(volume([commandInState()], here({})), [1, false]);
    // The volume is there by then, and its command has filled the one before.
    assert.deepEqual(volume([volumeInState(1), commandInState()], there(1)), [1, false]);
  });

  it("is a container or a network by its name alone: one that is there is never touched", () => {
    const container = resource("docker:index/container:Container", "s1-web", labelled());
    const network = resource("docker:index/network:Network", "s1", labelled(3));
    const at = (name: string, docker: string) => ({ resource: name, place: "a", name: docker });
    const of = (host: Inventory): number[] => {
      const mending = new Mending(new State([container, network]), new Map([["a", host]]));
      return [mending.container(at("s1-web", "jitsi-dev-s1-web")), mending.network(at("s1", "jitsi-dev-s1"))];
    };
    assert.deepEqual(of(here({})), [1, 4]);
    const all = here({ containers: new Set(["jitsi-dev-s1-web"]), networks: new Set(["jitsi-dev-s1"]) });
    assert.deepEqual(of(all), [0, 3]);
  });

  it("is a volume of recordings only where it is not there: a stack of that name may take up a former one's", () => {
    const kept = { resource: "agent-a-recordings", place: "a", name: "jitsi-dev-recordings" };
    const state = new State([resource("docker:index/volume:Volume", kept.resource, labelled())]);
    const of = (host: Inventory) => new Mending(state, new Map([["a", host]])).volume(kept);
    const former = { [labels.stack]: "dev", [labels.made]: "4" };
    assert.equal(of(here({ volumes: new Map([[kept.name, former]]) })), 0);
    assert.equal(of(here({})), 1);
  });
});
