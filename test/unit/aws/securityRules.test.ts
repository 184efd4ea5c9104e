import assert from "node:assert/strict";
import { flows, securityRoles, securityRules, type Flow } from "../../../components/aws/securityRules";
import { parseSettings } from "../../../components/settings";
import { goodAwsSettings, spoilt } from "../goodSettings";

function flowsOf(given = goodAwsSettings()): Flow[] {
  const settings = parseSettings(given, "test");
  assert(settings.platform === "aws");
  return flows(settings);
}

const told = ({ first, from, last, protocol, to }: Flow): string =>
  `${from} → ${to}: ${first === last ? first : `${first}-${last}`}/${protocol}`;

/** Every setting that opens something. */
const everything = {
  ...goodAwsSettings(),
  recordings: { stream: true },
  images: { registry: "registry.school.net:5000/jitsi" },
};

describe("security groups' rules", () => {
  it("let the world in at three ports: the load balancer's two, and the bridges' media", () => {
    for (const given of [goodAwsSettings(), everything])
      assert.deepEqual(
        flowsOf(given)
          .filter(({ from }) => from === "world")
          .map(told),
        ["world → loadBalancer: 80/tcp", "world → loadBalancer: 443/tcp", "world → bridge: 10000/udp"],
      );
  });

  it("let parts of the fleet speak to one another as reviewed, and not otherwise", () => {
    assert.deepEqual(
      flowsOf(everything)
        .filter(({ from, to }) => from !== "world" && to !== "world")
        .map(told)
        .sort(),
      [
        "bridge → shard: 5222/tcp",
        "edge → edge: 23003/tcp",
        "edge → edge: 23004/tcp",
        "edge → edge: 23006/tcp",
        "edge → shard: 8000/tcp",
        "jibri → edge: 443/tcp",
        "jibri → shard: 5222/tcp",
        "loadBalancer → edge: 23005/tcp",
        "loadBalancer → edge: 443/tcp",
        "loadBalancer → edge: 80/tcp",
        "scaler → bridge: 23001/tcp",
        "scaler → edge: 23003/tcp",
        "scaler → jibri: 23001/tcp",
        "scaler → shard: 8000/tcp",
      ],
    );
  });

  it("let machines out for the web alone, bridges and Jibris for media, Jibris for streams where they may", () => {
    const outward = (given: Record<string, unknown>, role: Flow["from"]): string[] =>
      flowsOf(given)
        .filter(({ from, to }) => from === role && to === "world")
        .map(({ first, last, protocol }) => `${first}-${last}/${protocol}`);
    const web = ["80-80/tcp", "443-443/tcp"];
    assert.deepEqual(outward(goodAwsSettings(), "loadBalancer"), []);
    for (const role of ["edge", "shard", "scaler"] as const)
      assert.deepEqual(outward(goodAwsSettings(), role), web, role);
    assert.deepEqual(outward(goodAwsSettings(), "bridge"), ["1-65535/udp", ...web]);
    assert.deepEqual(outward(goodAwsSettings(), "jibri"), ["10000-10000/udp", ...web]);
    assert.deepEqual(outward(everything, "jibri"), [
      "10000-10000/udp",
      ...web,
      "5000-5000/tcp",
      "1935-1935/tcp",
    ]);
  });

  it("let machines reach registries, authorities and emulators that have ports of their own", () => {
    const acme = {
      mode: "acme",
      email: "it@school.net",
      directoryUrl: "https://ca.school.net:14000/directory",
    };
    const given: Record<string, unknown> = {
      ...spoilt("aws.endpoint", "http://127.0.0.1:5001", goodAwsSettings()),
      tls: acme,
      images: { haproxy: "localhost:5002/haproxy:3.2", node: "node:24" },
    };
    Reflect.set(given["aws"] as object, "frontDoor", { certificate: "passThrough" });
    const ports = flowsOf(given).flatMap(({ first, from, to }) =>
      from === "shard" && to === "world" ? [first] : [],
    );
    assert.deepEqual(ports, [80, 443, 5002, 5001, 14000]);
  });

  it("stand at both ends of each flow, each with a name of its own", () => {
    const allowed = flowsOf(everything);
    const rules = securityRules(allowed, false);
    assert.equal(new Set(rules.map(({ name }) => name)).size, rules.length);
    for (const flow of allowed) {
      const matches = (direction: "ingress" | "egress", role: Flow["from"], peer: Flow["from"]): number =>
        rules.filter(
          (rule) =>
            rule.direction === direction &&
            rule.role === role &&
            rule.protocol === flow.protocol &&
            rule.first === flow.first &&
            rule.last === flow.last &&
            (peer === "world"
              ? "ipv4" in rule.peer && rule.peer.ipv4 === "0.0.0.0/0"
              : "role" in rule.peer && rule.peer.role === peer),
        ).length;
      assert.equal(matches("ingress", flow.to, flow.from), flow.to === "world" ? 0 : 1, told(flow));
      assert.equal(matches("egress", flow.from, flow.to), flow.from === "world" ? 0 : 1, told(flow));
    }
    const ends = allowed.flatMap(({ from, to }) => [from, to]).filter((end) => end !== "world");
    assert.equal(rules.length, ends.length);
    // AWS takes 60 a direction.
    for (const role of securityRoles) assert(rules.filter((rule) => rule.role === role).length < 60, role);
  });

  it("let IPv6 in at the load balancer where there is any", () => {
    const sixes = (ipv6: boolean) =>
      securityRules(flowsOf(), ipv6).flatMap(({ name, peer }) =>
        "ipv6" in peer ? [`${name} ${peer.ipv6}`] : [],
      );
    assert.deepEqual(sixes(true), [
      "loadBalancer-from-world-tcp-80-ipv6 ::/0",
      "loadBalancer-from-world-tcp-443-ipv6 ::/0",
    ]);
    assert.deepEqual(sixes(false), []);
  });
});
