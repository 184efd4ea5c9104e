/** Settings without a fault, to be spoilt by tests. Plain JSON, as Pulumi hands it over. */
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

/** A copy in which the value at `path` (`docker.hosts[0].name`) is another, or is gone if that is undefined. */
export function spoilt(path: string, value: unknown): Record<string, unknown> {
  const settings: unknown = structuredClone(goodSettings());
  const parts = path.split(/[.[\]]+/).filter((part) => part !== "");
  const last = parts.pop() ?? "";
  const parent = parts.reduce<object>((node, part) => Reflect.get(node, part) as object, settings as object);
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else Reflect.set(parent, last, value);
  return settings as Record<string, unknown>;
}
