import type { AuthConfig } from "dockerode";
import { z } from "zod";

/** Whom a registry lets in. */
export const registryLogin = z.strictObject({
  host: z
    .string()
    .describe("As images' names begin: ghcr.io, registry.school.net:5000; docker.io for Docker Hub."),
  username: z.string(),
  password: z.string(),
});
export type RegistryLogin = z.output<typeof registryLogin>;

/** The registry of an image, as Docker itself reads its name: `haproxy:3.2` is docker.io's. */
export function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost && first !== "index.docker.io" ? first : DOCKER_HUB;
}

const DOCKER_HUB = "docker.io";

/** How Docker's own configuration names a registry: Docker Hub by the address of its first version. */
export const serverAddress = (host: string): string =>
  host === DOCKER_HUB ? "https://index.docker.io/v1/" : host;

/** The logins of the registries that these images come from: nobody is given another's. */
export function loginsFor(
  images: readonly string[],
  logins: readonly RegistryLogin[],
): readonly RegistryLogin[] {
  const hosts = new Set(images.map(registryOf));
  return logins.filter(({ host }) => hosts.has(host));
}

/** What the engine is told with a pull; undefined where the registry lets everybody in. */
export function authOf(image: string, logins: readonly RegistryLogin[]): AuthConfig | undefined {
  const [login] = loginsFor([image], logins);
  if (login === undefined) return undefined;
  const { host, password, username } = login;
  return { username, password, serveraddress: serverAddress(host) };
}

/** Registries' and the engine's own words for whom they do not let in, as the engine hands them on. */
const REFUSAL = /unauthorized|denied|no basic auth|authentication required|authorization failed|\b40[13]\b/i;

/** Why no image came, in the engine's words, and the setting by which a registry lets nobody in. */
export function pullFault(image: string, logins: readonly RegistryLogin[], said: string): string {
  if (!REFUSAL.test(said)) return said;
  const host = registryOf(image);
  return loginsFor([image], logins).length === 0
    ? `${said} (images.registries has no username and password for ${host})`
    : `${said} (${host} was asked with the username and password that images.registries has for it)`;
}
