import { createHash } from "node:crypto";
import { inShell } from "../../quoting";
import { ENSURE_DOCKER, PULL } from "./docker";
import { SIGN_IN, sourceLine, type RegistrySource } from "./registries";

/** Of each try: a mirror or a registry that does not answer is not waited for until the whole build is given up. */
const STEP_SECONDS = 1200;
/** Nobody runs a build's steps again, as the timer does those of a machine. */
const TRIES = 3;

/**
 * What EC2 Image Builder does on a machine for its image to be a pool's: a component's document, for AWSTOE. Docker comes
 * as it comes to every machine at its first boot; then the containers' images. The same images give the same document, whoever is let in.
 * @param registries where images do not come from registries that let everybody in
 */
export function bakingDocument(images: readonly string[], registries?: RegistrySource): string {
  const steps = [
    step("Docker", [
      // The first boot's own work with packages comes first.
      "cloud-init status --wait >/dev/null || true",
      ENSURE_DOCKER,
      "ensure_docker",
    ]),
    step("Images", [
      ...(registries === undefined ? [] : [SIGN_IN, `sign_in <<<${inShell(sourceLine(registries))}`]),
      PULL,
      ...images.map((image) => `pull ${inShell(image)}`),
      ...(registries === undefined ? [] : ["sign_out"]),
    ]),
    // Else all machines, and all engines, would give themselves out as one.
    step("Tidy", [
      "systemctl stop docker.socket docker.service",
      "rm -f /var/lib/docker/engine-id",
      ": >/etc/machine-id",
    ]),
  ];
  return `name: jitsi-fleet
description: Docker, and the images of the containers
schemaVersion: 1.0
phases:
  - name: build
    steps:
${steps.join("")}`;
}

function step(name: string, lines: readonly string[]): string {
  const script = ["set -euo pipefail", ...lines].flatMap((text) => text.trimEnd().split("\n"));
  return `      - name: ${name}
        action: ExecuteBash
        timeoutSeconds: ${STEP_SECONDS}
        maxAttempts: ${TRIES}
        onFailure: Abort
        inputs:
          commands:
            - |
${script.map((line) => (line === "" ? "\n" : `              ${line}\n`)).join("")}`;
}

/** Of a version's three numbers Image Builder takes each below 2^30. */
const HEX_DIGITS = 7;

/**
 * The version of what Image Builder lets nobody change once it is there: told by the content alone, so that the same is
 * never made twice, and no other content ever meets its version. It tells no order.
 */
export function contentVersion(content: unknown): string {
  const hash = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  return [0, 1, 2]
    .map((part) => parseInt(hash.slice(part * HEX_DIGITS, (part + 1) * HEX_DIGITS), 16))
    .join(".");
}
