import type * as pulumi from "@pulumi/pulumi";
import type { AddressOf, ContainerSpec, Member } from "../platform";
import { httpHealthCheck, imageOf, jitsiImageDefaults, type ImageSource } from "./image";
import { breweries, xmppDomains } from "./xmppDomains";

/** Where a recording lies until it is uploaded, and where failed ones stay. */
const STORAGE = "/storage";

export interface JibriContainerArgs {
  readonly images: ImageSource;
  readonly publicUrl: string;
  /** Host name of the public URL, and the edge's address on the private network: Jibri's browser needs no DNS. */
  readonly edge: { readonly domain: string; readonly address: string };
  /** All shards: it joins each one's brewery. */
  readonly shards: readonly AddressOf<"shard">[];
  /** Whether the browser must take a certificate that no authority signed. */
  readonly acceptAnyCertificate: boolean;
  readonly passwords: { readonly xmpp: pulumi.Input<string>; readonly recorder: pulumi.Input<string> };
}

/** A recorder: one conference at a time, recorded or streamed. */
export function jibriContainer({ name }: Member<"jibri">, args: JibriContainerArgs): ContainerSpec {
  const servers = args.shards.map(({ endpoints: { xmpp } }) => `${xmpp.address}:${xmpp.port}`);
  return {
    ...jitsiImageDefaults,
    name: "jibri",
    image: imageOf(args.images, "jibri"),
    env: {
      ...xmppDomains,
      JIBRI_BREWERY_MUC: breweries.JIBRI_BREWERY_MUC,
      XMPP_SERVER: servers.join(","),
      XMPP_TRUST_ALL_CERTS: "1",
      PUBLIC_URL: args.publicUrl,
      DISPLAY: ":0",
      JIBRI_INSTANCE_ID: name,
      JIBRI_RECORDING_DIR: `${STORAGE}/recordings`,
      ...(args.acceptAnyCertificate ? { IGNORE_CERTIFICATE_ERRORS: "1" } : {}),
    },
    secrets: { JIBRI_XMPP_PASSWORD: args.passwords.xmpp, JIBRI_RECORDER_PASSWORD: args.passwords.recorder },
    files: [],
    scratch: [
      { path: "/run", sizeMiB: 256, executable: true },
      { path: "/tmp", sizeMiB: 256, executable: false },
      { path: "/config", sizeMiB: 8, executable: false },
    ],
    volumes: [{ name: "storage", path: STORAGE, keep: true }],
    healthCheck: httpHealthCheck(2222, "/jibri/api/v1.0/health"),
    // A stop in mid-recording skips the finalize script: what is not uploaded yet stays in the volume.
    stopGraceSeconds: 60,
    resources: { memoryMiB: 8192, sharedMemoryMiB: 2048 },
    knownHosts: { [args.edge.domain]: args.edge.address },
  };
}
