import assert from "node:assert/strict";
import { settingsJsonSchema, type JsonSchema } from "../../components/settings/knownKeys";
import { issue } from "../support/certificates";
import { faultsIn, goodAwsSettings, goodSettings, existingNetwork, spoilt } from "./goodSettings";

/** Each of them means something in at least one of the languages in which settings are written. */
const awkward = ['"', "'", "\\", "$", "`", "#", "{", "}", "%", "\n", "ß"];

/**
 * Settings that take some of them, and how they go on: test/standins/quoting.test.ts has each way through the real
 * programs. All others refuse all of them.
 */
const carried: Readonly<
  Record<string, "Lua" | "shell" | "environment" | "JSON" | "file" | "accounts" | "LDAP">
> = {
  "auth.appId": "Lua",
  "auth.appSecret": "Lua",
  "auth.issuers[]": "Lua",
  "auth.audiences[]": "Lua",
  "auth.keyServer": "Lua",
  "auth.accounts.*": "accounts",
  "auth.base": "LDAP",
  "auth.filter": "LDAP",
  "auth.bindDn": "LDAP",
  "auth.bindPassword": "LDAP",
  "auth.ca": "file",
  "tags.*": "JSON",
  "recordings.store.accessKeyId": "shell",
  "recordings.store.secretAccessKey": "shell",
  "recordings.store.endpoint": "environment",
  "recordings.store.ca": "file",
  "recordings.store.proxy": "shell",
  "images.registries[].username": "JSON",
  "images.registries[].password": "JSON",
  "tls.certificate": "file",
  "tls.privateKey": "file",
  "tls.ca": "file",
  "tls.email": "JSON",
  "tls.directoryUrl": "JSON",
  "tls.eab.keyId": "JSON",
  "docker.tls.ca": "file",
  "docker.tls.certificate": "file",
  "docker.tls.privateKey": "file",
  "docker.hosts[].tls.ca": "file",
  "docker.hosts[].tls.certificate": "file",
  "docker.hosts[].tls.privateKey": "file",
  "aws.alarms.email": "JSON",
  "aws.endpoint": "JSON",
};

const { certificate: PEM, privateKey: KEY } = issue("meet.school.net");

/** Settings without a fault that have every text there is, between them. */
function variants(): Record<string, unknown>[] {
  const [a, b] = (goodSettings()["docker"] as { hosts: Record<string, unknown>[] }).hosts;
  const store = { bucket: "recordings", prefix: "school/a", region: "eu-central-1", provider: "Minio" };
  const way = { endpoint: "https://s3.school.net", ca: PEM, proxy: "http://proxy.school.net:3128" };
  const key = { ...way, accessKeyId: "key-id", secretAccessKey: "key-secret" };
  const image = "registry.school.net/one:1";
  return [
    {
      ...goodSettings(),
      peerToPeer: { stunServers: ["stun.school.net:3478"] },
      auth: {
        type: "jwt",
        appId: "school",
        appSecret: "secret-of-the-tokens",
        issuers: ["school", "other"],
        audiences: ["jitsi", "other"],
      },
      recordings: { store: { type: "s3", ...store, ...key } },
      edge: {
        releases: [{ release: "stable-11146-2", tenants: ["school-a"] }],
        proxyProtocolFrom: ["192.0.2.0/24"],
      },
      tls: { mode: "provided", certificate: PEM, privateKey: KEY },
      images: {
        registry: "ghcr.io/jitsi",
        mirror: "mirror.school.net/hub",
        registries: [{ host: "mirror.school.net", username: "puller", password: "password-1" }],
        release: "stable-11146-2",
        haproxy: image,
        node: image,
        keepalived: image,
        coturn: image,
        telegraf: image,
      },
      shards: [
        { name: "s1", host: "a", release: "stable-11146-2" },
        { name: "s2", host: "b", release: "stable-11146-2" },
      ],
      docker: {
        hosts: [
          { ...a, socket: "/var/run/docker.sock", udpPorts: "10000-10099" },
          b,
          {
            name: "c",
            address: "tcp://10.213.0.13:2376",
            tls: { ca: PEM, certificate: PEM, privateKey: KEY },
            publicAddress: "198.51.100.13",
            privateAddress: "10.213.0.13",
            roles: ["edge"],
          },
          {
            name: "d",
            address: "tcp://10.213.0.14:2376",
            publicAddress: "198.51.100.14",
            privateAddress: "10.213.0.14",
            roles: ["edge"],
          },
        ],
        privateNetworks: ["198.18.0.0/15"],
        tls: { ca: PEM, certificate: PEM, privateKey: KEY },
        sharedAddress: { address: "198.51.100.50", interface: "eth0", password: "abcdefgh" },
      },
    },
    {
      ...goodSettings(),
      auth: { type: "jwt", appId: "school", keyServer: "https://keys.school.net/keys" },
      recordings: { store: { type: "directory", path: "/srv/recordings" } },
      tls: {
        mode: "acme",
        email: "it@school.net",
        directoryUrl: "https://acme.school.net/directory",
        ca: PEM,
        eab: { keyId: "key-id", hmacKey: "0123456789abcdef0" },
      },
    },
    { ...goodSettings(), auth: { type: "internal", accounts: { teacher: "password-1" } } },
    {
      ...goodSettings(),
      auth: {
        type: "ldap",
        url: "ldaps://ldap.school.net",
        base: "ou=people,dc=school",
        filter: "uid=%u",
        bindDn: "cn=reader,dc=school",
        bindPassword: "password-1",
        ca: PEM,
      },
      turn: { type: "shared443", domain: "turn.school.net" },
      docker: {
        hosts: [
          { ...a, roles: ["edge"] },
          { ...b, roles: ["shard", "bridge", "jibri", "scaler"] },
        ],
      },
      shards: [{ name: "s1" }],
    },
    awsWith({ frontDoor: { certificate: "passThrough", zoneId: "Z0123456789ABC" } }),
    awsWith({
      frontDoor: {
        certificate: "acm",
        certificateArn:
          "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef",
      },
      network: { type: "own", range: "10.42.0.0/16" },
      schedules: [{ name: "morning", cron: "30 6 * * 1-5", bridgesMin: 4 }],
      alarms: { email: "it@school.net" },
      permissionsBoundary: "arn:aws:iam::123456789012:policy/boundary",
      endpoint: "http://127.0.0.1:5000",
    }),
    awsWith({ network: existingNetwork() }),
  ];
}

function awsWith(more: Record<string, unknown>): Record<string, unknown> {
  const good = goodAwsSettings();
  const shards = [{ name: "s1", zone: "eu-central-1a" }];
  const types = {
    edge: "c7i.large",
    shard: "m7i.large",
    scaler: "t3.small",
    bridges: ["c7i.xlarge"],
    jibris: ["m7i.xlarge"],
  };
  return {
    ...good,
    production: false,
    tls: { mode: "self-signed" },
    shards,
    aws: { ...(good["aws"] as object), instanceTypes: types, ...more },
  };
}

/** Paths of the texts in settings: `docker.hosts[0].name`. */
function texts(value: unknown, path = ""): string[] {
  if (typeof value === "string") return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    texts(inner, Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`),
  );
}

/** `docker.hosts[].name`, and `*` for the keys of what has any. */
const general = (path: string): string =>
  path.replace(/\[\d+\]/g, "[]").replace(/^(tags|auth\.accounts)\.[^.]+$/, "$1.*");

/** Paths of all texts that the schema knows, but those that are one of a few words. */
function freeTexts(node: JsonSchema, path = ""): string[] {
  const kinds = node.anyOf ?? node.oneOf;
  if (kinds) return kinds.flatMap((kind) => freeTexts(kind, path));
  if (node.type === "string") return (node.enum ?? node.const) ? [] : [path];
  if (node.items) return freeTexts(node.items, `${path}[]`);
  const any =
    typeof node.additionalProperties === "object" ? [["*", node.additionalProperties] as const] : [];
  return [...Object.entries(node.properties ?? {}), ...any].flatMap(([key, inner]) =>
    freeTexts(inner, path === "" ? key : `${path}.${key}`),
  );
}

function valueAt(settings: unknown, path: string): string {
  const parts = path.split(/[.[\]]+/).filter((part) => part !== "");
  return parts.reduce<unknown>((node, part) => Reflect.get(node as object, part), settings) as string;
}

describe("the texts of settings", () => {
  const free = new Set(freeTexts(settingsJsonSchema));
  const all = variants();

  it("are all tried here", () => {
    for (const settings of all) assert.deepEqual(faultsIn(settings), []);
    const tried = new Set(all.flatMap((settings) => texts(settings).map(general)));
    assert.deepEqual(
      [...free].filter((path) => !tried.has(path)),
      [],
    );
    assert.deepEqual(
      Object.keys(carried).filter((path) => !free.has(path)),
      [],
    );
  });

  it("refuse what means something in another language, each with its path, but for those that are quoted there", () => {
    const taken = new Set<string>();
    for (const settings of all)
      for (const path of texts(settings).filter((one) => free.has(general(one)))) {
        const good = valueAt(settings, path);
        for (const character of awkward)
          for (const at of [Math.ceil(good.length / 2), good.length]) {
            const bad = good.slice(0, at) + character + good.slice(at);
            const faults = faultsIn(spoilt(path, bad, settings));
            if (faults.length === 0) taken.add(general(path));
            else
              assert.ok(
                faults.some(
                  (fault) => fault.path === path || fault.path.startsWith(path.split(".")[0] ?? ""),
                ),
                `${path} ${bad}`,
              );
          }
      }
    assert.deepEqual(
      [...taken].filter((path) => carried[path] === undefined),
      [],
    );
  });

  it("refuse line breaks and control characters even where they are quoted, but for files", () => {
    for (const settings of all)
      for (const path of texts(settings).filter(
        (one) => free.has(general(one)) && carried[general(one)] !== "file",
      ))
        for (const character of ["\n", "\r", "\t", "\u0000", "\u2028"])
          assert.notDeepEqual(
            faultsIn(spoilt(path, valueAt(settings, path) + character, settings)),
            [],
            path,
          );
  });
});
