import assert from "node:assert/strict";
import { parseSettings, SettingsError } from "../../components/settings";
import type { Fault } from "../../components/settings/faults";

/** Settings of Docker hosts without a fault, to be spoilt by tests. Plain JSON, as Pulumi hands it over. */
export function goodSettings(): Record<string, unknown> {
  return {
    production: false,
    domain: "meet.school.net",
    shards: [
      { name: "s1", host: "a" },
      { name: "s2", host: "b" },
    ],
    bridges: { min: 2, max: 10, capacity: 80 },
    jibris: { free: 1, max: 4 },
    recordings: { record: true, stream: false },
    edge: { httpPort: 80, httpsPort: 443 },
    tls: { mode: "self-signed" },
    auth: { type: "open" },
    images: { registry: "ghcr.io/jitsi", release: "stable-11146-2", haproxy: "haproxy:3.2" },
    docker: {
      hosts: [
        {
          name: "a",
          address: "unix:///var/run/docker.sock",
          publicAddress: "198.51.100.11",
          privateAddress: "10.213.0.11",
          roles: ["edge", "shard", "bridge", "jibri", "scaler"],
        },
        {
          name: "b",
          address: "ssh://fleet@10.213.0.12",
          hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHO9lZLfKKgk3wXUXf5jPcXZ1vR4oPzQwC1Jb4tGWfPq",
          publicAddress: "198.51.100.12",
          privateAddress: "10.213.0.12",
          roles: ["shard", "bridge", "jibri"],
        },
      ],
    },
    tags: { owner: "it" },
  };
}

/** The same of AWS, with as little as it takes. */
export function goodAwsSettings(): Record<string, unknown> {
  return {
    platform: "aws",
    domain: "meet.school.net",
    auth: { type: "internal" },
    aws: {
      region: "eu-central-1",
      zones: ["eu-central-1a", "eu-central-1b"],
      image: { id: "ami-0a1b2c3d4e5f60718" },
      frontDoor: { certificate: "acm", zoneId: "Z0123456789ABC" },
    },
  };
}

/** A network that exists, for the same. */
export function existingNetwork() {
  const subnet = (number: number, zone: string, range: string, use: string) => ({
    id: `subnet-0000000${number}`,
    zone: `eu-central-1${zone}`,
    range,
    use,
  });
  const subnets = [
    subnet(1, "a", "10.1.0.0/24", "machines"),
    subnet(2, "b", "10.1.1.0/24", "machines"),
    subnet(3, "a", "10.1.2.0/28", "loadBalancer"),
    subnet(4, "b", "10.1.2.16/28", "loadBalancer"),
  ];
  return { type: "existing", vpcId: "vpc-0a1b2c3d", subnets };
}

/** A copy in which the value at `path` (`docker.hosts[0].name`) is another, or is gone if that is undefined. */
export function spoilt(path: string, value: unknown, good = goodSettings()): Record<string, unknown> {
  const settings: unknown = structuredClone(good);
  const parts = path.split(/[.[\]]+/).filter((part) => part !== "");
  const last = parts.pop() ?? "";
  const parent = parts.reduce<object>((node, part) => Reflect.get(node, part) as object, settings as object);
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else Reflect.set(parent, last, value);
  return settings as Record<string, unknown>;
}

/** What is refused. */
export function faultsIn(given: Record<string, unknown>): readonly Fault[] {
  try {
    parseSettings(given, "test");
  } catch (error) {
    assert(error instanceof SettingsError);
    return error.faults;
  }
  return [];
}
