import assert from "node:assert/strict";
import { standingFrontDoor } from "../../../components/aws/standingFrontDoor";
import { SettingsError } from "../../../components/settings";
import { existingNetwork, goodAwsSettings, spoilt } from "../goodSettings";
import { registeredBy } from "./mocks";

/** Subnets in which a load balancer stands, by id. */
type Standing = Readonly<Record<string, { readonly zone: string; readonly stack?: string }>>;

/** The stack's own. */
const own: Standing = {
  "subnet-1": { zone: "eu-central-1a", stack: "test" },
  "subnet-2": { zone: "eu-central-1b", stack: "test" },
};
const [FIRST, SECOND] = ["subnet-00000003", "subnet-00000004"];
/** Of a network that was there. */
const shared: Standing = { [FIRST]: { zone: "eu-central-1a" }, [SECOND]: { zone: "eu-central-1b" } };

/** What is refused of these settings while the load balancer stands there. */
async function refused(given: Record<string, unknown>, standing: Standing): Promise<string> {
  const { result } = await registeredBy(
    given,
    (context) => {
      const found = standingFrontDoor(context) as unknown as { promise(): Promise<unknown> };
      return found.promise().catch((error: unknown) => error);
    },
    (token, { id, tags }) => {
      const subnet = standing[String(id)];
      switch (token) {
        case "aws:lb/getLbs:getLbs":
          assert.deepEqual(tags, { Project: "jitsi-fleet", Stack: "test", Role: "frontDoor" });
          return { arns: subnet === undefined && Object.keys(standing).length === 0 ? [] : ["arn:lb"] };
        case "aws:lb/getLoadBalancer:getLoadBalancer":
          return { subnets: Object.keys(standing) };
        default:
          assert(subnet, token);
          return { availabilityZone: subnet.zone, tags: { Stack: subnet.stack ?? "another" } };
      }
    },
  );
  const told = await result;
  if (!(told instanceof SettingsError)) {
    assert.deepEqual(told, []);
    return "";
  }
  return told.faults.map(({ message, path }) => `${path}: ${message}`).join("\n");
}

const zones = (...letters: string[]): Record<string, unknown> =>
  spoilt(
    "aws.zones",
    letters.map((letter) => `eu-central-1${letter}`),
    goodAwsSettings(),
  );
/** With this subnet for the load balancer in the second zone. */
const existing = (second: string): Record<string, unknown> => {
  const network = existingNetwork();
  const subnets = network.subnets.map((one) => (one.id === SECOND ? { ...one, id: second } : one));
  return spoilt("aws.network", { ...network, subnets }, goodAwsSettings());
};

describe("a load balancer that stands", () => {
  it("stays: where there is none yet, where it stands as wanted, in whatever order, and with zones behind", async () => {
    assert.equal(await refused(zones("a", "b"), {}), "");
    assert.equal(await refused(zones("a", "b"), own), "");
    assert.equal(await refused(zones("b", "a", "c"), own), "");
    assert.equal(await refused(existing(SECOND), shared), "");
  });

  it("is not replaced by one in another of the first two zones", async () => {
    assert.match(
      await refused(zones("a", "c", "b"), own),
      /^aws\.zones: the load balancer stands in eu-central-1b, which it cannot leave: name eu-central-1b among the first two; others may come after\..*docs\/recovery\.md/,
    );
  });

  it("is not replaced by one in another network, nor in another subnet", async () => {
    assert.match(
      await refused(zones("a", "b"), shared),
      /^aws\.network\.type: .*stands in subnet-00000003 of another network.*set it to existing/,
    );
    assert.match(await refused(existing(SECOND), own), /^aws\.network\.type: .*set it to own/);
    assert.match(
      await refused(existing("subnet-00000009"), shared),
      /^aws\.network\.subnets\[3\]\.id: .*stands in subnet-00000004, .*set it to subnet-00000004$/,
    );
  });
});
