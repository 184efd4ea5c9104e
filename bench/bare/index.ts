import * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";

/** How many of each type: what a preview of the fleet counted. */
const counts = JSON.parse(process.env["BARE_COUNTS"] ?? "{}") as Readonly<Record<string, number>>;
const provider = new docker.Provider("host", { host: process.env["BARE_DOCKER_HOST"] ?? "" });

const declare: Readonly<Record<string, (name: string) => unknown>> = {
  "docker:index/container:Container": (name) =>
    new docker.Container(name, { name, image: "bare" }, { provider }),
  "docker:index/network:Network": (name) => new docker.Network(name, { name }, { provider }),
  "docker:index/volume:Volume": (name) => new docker.Volume(name, { name }, { provider }),
  "command:local:Command": (name) => new command.local.Command(name, { create: "true" }),
  "random:index/randomPassword:RandomPassword": (name) => new random.RandomPassword(name, { length: 32 }),
  "tls:index/privateKey:PrivateKey": (name) => new tls.PrivateKey(name, { algorithm: "ECDSA" }),
  "tls:index/selfSignedCert:SelfSignedCert": (name) =>
    new tls.SelfSignedCert(name, {
      privateKeyPem: "not needed to preview",
      validityPeriodHours: 1,
      allowedUses: [],
    }),
};

for (const [type, count] of Object.entries(counts))
  for (let index = 0; index < count; index++) {
    const name = `${type.split(":").at(-1) ?? ""}-${index}`;
    if (type in declare) declare[type]?.(name);
    else if (type.startsWith("jitsi-fleet:")) new pulumi.ComponentResource(type, name, {});
  }
