import type * as pulumi from "@pulumi/pulumi";
import { FLEET_DIRECTORY, type AddressOf, type InstanceSpec, type Member } from "../platform";
import { finalizeScript } from "./finalize";
import { httpHealthCheck, imageOf, jitsiImageDefaults, type ImageSource } from "./image";
import { RECORDINGS_VOLUME, STORAGE } from "./recordings";
import { breweries, prosodyName, xmppDomains } from "./xmppDomains";

const FINALIZE_SCRIPT = "finalize.sh";

/**
 * Where the image logs, which no setting changes: inside the volume that outlives the stack. They go with the Jibri instead.
 * It rotates four logs, ten files of 10 MB each; three more of the browser's surroundings grow as they like, as far as that.
 */
const LOGS = `${STORAGE}/logs`;
const LOGS_MIB = 448;

/** Both APIs listen on loopback alone otherwise: the scaler could neither see it nor end it. */
const OPEN_APIS = `jibri.api.http.external-api-host = "0.0.0.0"
jibri.api.http.internal-api-host = "0.0.0.0"
`;

/**
 * Chromium sends every name under localhost to the machine that it runs on, whatever /etc/hosts says (RFC 6761): for a
 * Jibri that is itself. Its own rules come before that (seen with Chromium 156).
 */
function browserRules({ addresses, domain }: JibriContainerArgs["edge"]): string {
  if (!/(^|\.)localhost$/.test(domain)) return "";
  return chromeFlag(`--host-resolver-rules=MAP ${domain} ${addresses[0] ?? ""}`);
}

/** The image has no way to another authority; Chromium takes certificates by the keys of their chain. */
const trustRules = (keys: readonly string[]): string =>
  keys.length === 0 ? "" : chromeFlag(`--ignore-certificate-errors-spki-list=${keys.join()}`);

const chromeFlag = (flag: string): string => `jibri.chrome.flags += "${flag}"\n`;

/** A shard that Jibris are to know. */
export interface NamedShard {
  readonly name: string;
  readonly address: AddressOf<"shard">;
}

export interface JibriContainerArgs {
  readonly images: ImageSource;
  readonly publicUrl: string;
  /** Host name of the public URL, and the edges' addresses on the private network: Jibri's browser needs no DNS. */
  readonly edge: { readonly domain: string; readonly addresses: readonly string[] };
  /** All shards: it joins each one's brewery. */
  readonly shards: readonly NamedShard[];
  /** Whether the browser must take a certificate that no authority signed. */
  readonly acceptAnyCertificate: boolean;
  /** Public keys, as SHA-256 in base64, whose certificates the browser takes as if a public authority had signed them. */
  readonly trustedKeys: readonly string[];
  readonly passwords: { readonly xmpp: pulumi.Input<string>; readonly recorder: pulumi.Input<string> };
}

/** A recorder: one conference at a time, recorded or streamed. */
export function jibriContainer({ name }: Member, args: JibriContainerArgs): InstanceSpec {
  const servers = args.shards.map(({ address: { endpoints }, name: shard }) => ({
    host: prosodyName(shard),
    ...endpoints.xmpp,
  }));
  return {
    ...jitsiImageDefaults,
    name: "jibri",
    image: imageOf(args.images, "jibri"),
    env: {
      ...xmppDomains,
      JIBRI_BREWERY_MUC: breweries.JIBRI_BREWERY_MUC,
      XMPP_SERVER: servers.map(({ host, port }) => `${host}:${port}`).join(","),
      XMPP_TRUST_ALL_CERTS: "1",
      PUBLIC_URL: args.publicUrl,
      DISPLAY: ":0",
      JIBRI_INSTANCE_ID: name,
      // Its own directory: whose a recording is, is known when its Jibri is gone.
      JIBRI_RECORDING_DIR: `${STORAGE}/recordings/${name}`,
      JIBRI_FINALIZE_RECORDING_SCRIPT_PATH: `${FLEET_DIRECTORY}/${FINALIZE_SCRIPT}`,
      ...(args.acceptAnyCertificate ? { IGNORE_CERTIFICATE_ERRORS: "1" } : {}),
    },
    secrets: { JIBRI_XMPP_PASSWORD: args.passwords.xmpp, JIBRI_RECORDER_PASSWORD: args.passwords.recorder },
    files: [
      { path: FINALIZE_SCRIPT, content: finalizeScript(STORAGE), executable: true },
      {
        path: "config/custom-jibri.conf",
        content: OPEN_APIS + browserRules(args.edge) + trustRules(args.trustedKeys),
      },
    ],
    scratch: [
      { path: "/run", sizeMiB: 256, executable: true },
      { path: "/tmp", sizeMiB: 256, executable: false },
      { path: "/config", sizeMiB: 8, executable: false },
      { path: LOGS, sizeMiB: LOGS_MIB, executable: false },
    ],
    volumes: [{ of: "place", name: RECORDINGS_VOLUME, path: STORAGE }],
    takesMedia: false,
    healthCheck: httpHealthCheck(2222, "/jibri/api/v1.0/health"),
    // A stop in mid-recording skips the finalize script: what there is stays in the volume, and is uploaded.
    stopGraceSeconds: 60,
    resources: { memoryMiB: 8192, sharedMemoryMiB: 2048 },
    knownHosts: {
      [args.edge.domain]: args.edge.addresses,
      ...Object.fromEntries(servers.map(({ address, host }) => [host, [address]])),
    },
  };
}
