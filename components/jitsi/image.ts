import { askOverHttp } from "./ask";
import { FLEET_DIRECTORY, SECRETS_FILE, type ContainerSpec } from "../platform";

/** Where the images come from, and which release of them. */
export interface ImageSource {
  readonly registry: string;
  readonly release: string;
}

export type JitsiImage = "web" | "prosody" | "jicofo" | "jvb" | "jibri";

export const imageOf = ({ registry, release }: ImageSource, image: JitsiImage): string =>
  `${registry}/${image}:${release}`;

const MANY_FILES = 'ulimit -S -n 65536 2>/dev/null || ulimit -S -n "$(ulimit -H -n)"';

/**
 * What all of Jitsi's images want (reference: docker-jitsi-meet, stable-11146): uid 1000, a read-only root with
 * memory on /run and /tmp. /config is filled from the container's files before the image's own start, and
 * secrets reach the process without standing in the container's environment. A Docker engine may allow a process 1,024
 * files unless it asks for more (Docker 29): each user is one or two.
 */
export const jitsiImageDefaults = {
  command: [
    "/bin/sh",
    "-c",
    `${MANY_FILES}; set -a; . ${SECRETS_FILE}; set +a; if [ -d ${FLEET_DIRECTORY}/config ]; then cp -r ${FLEET_DIRECTORY}/config/. /config/; fi; exec /init`,
  ],
  user: "1000:1000",
  scratch: [
    { path: "/run", sizeMiB: 64, executable: true },
    { path: "/tmp", sizeMiB: 64, executable: false },
    { path: "/config", sizeMiB: 8, executable: false },
  ],
  volumes: [],
  knownHosts: {},
} as const satisfies Partial<ContainerSpec>;

/** A health check over HTTP that prints nothing. */
export const httpHealthCheck = (port: number, path: string): readonly string[] => [
  ...askOverHttp(port, path),
  "--output",
  "/dev/null",
];
