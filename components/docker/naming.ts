/** Labels by which containers of a stack are found, and by which the guard knows whom to ask. */
export const labels = {
  stack: "jitsi-fleet.stack",
  role: "jitsi-fleet.role",
  node: "jitsi-fleet.node",
  place: "jitsi-fleet.place",
  /** Hash of what the plug-in does not compare: files, secrets, health check. A change replaces the container. */
  revision: "jitsi-fleet.revision",
} as const;

/** Names on a Docker host: two stacks may share one. */
export const dockerName = (stack: string, ...parts: readonly string[]): string =>
  ["jitsi", stack, ...parts].join("-");
