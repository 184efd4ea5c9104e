/** Labels on what runs on a Docker host, by which the program, its guard and the host's agent know whose it is. */
export const labels = {
  stack: "jitsi-fleet.stack",
  role: "jitsi-fleet.role",
  /** Name of the node, or of the pool's instance. */
  node: "jitsi-fleet.node",
  /** The Docker host by its name in the settings. */
  place: "jitsi-fleet.place",
  /** Changes with what replaces the container. */
  revision: "jitsi-fleet.revision",
  /** How often it was lost and made anew; none: never. */
  made: "jitsi-fleet.made",
  /** Instances of a pool alone: only these are the agent's to touch. */
  pool: "jitsi-fleet.pool",
  /** Instances of a pool alone: when the launch was accepted, ISO 8601. */
  launchedAt: "jitsi-fleet.launched-at",
  /** Instances of a bridge pool alone: the host's UDP port that is this bridge's. */
  mediaPort: "jitsi-fleet.media-port",
} as const;

/** Names on a Docker host: two stacks may share one. */
export const dockerName = (stack: string, ...parts: readonly string[]): string =>
  ["jitsi", stack, ...parts].join("-");
