import type Docker from "dockerode";
import type { ResourceType } from "../core";
import type { Properties } from "../properties";
import type { DockerHost } from "./connection";
import { flag, text } from "../values";
import { isNotFound, messageOf } from "./values";

/** An image's id and digests, pulled where the host does not have it. */
export async function findImage(docker: Docker, name: string): Promise<Docker.ImageInspectInfo> {
  const local = await inspectImage(docker, name);
  if (local !== undefined) return local;
  try {
    const progress = await docker.pull(name);
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
    });
  } catch (error) {
    throw new Error(`unable to pull image ${name}: error pulling image ${name}: ${messageOf(error)}`);
  }
  const pulled = await inspectImage(docker, name);
  if (pulled === undefined) throw new Error(`unable to find or pull image ${name}`);
  return pulled;
}

function inspectImage(docker: Docker, name: string): Promise<Docker.ImageInspectInfo | undefined> {
  return docker
    .getImage(name)
    .inspect()
    .catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
}

function outputsOf(name: string, inputs: Properties, image: Docker.ImageInspectInfo): Properties {
  const repository = name.split(":")[0] ?? name;
  const digests = image.RepoDigests;
  const digest = digests.length === 1 ? digests[0] : digests.find((entry) => entry.startsWith(repository));
  return { ...inputs, imageId: image.Id, repoDigest: digest ?? digests[0] ?? "" };
}

/** `docker.RemoteImage`. */
export const remoteImage: ResourceType<DockerHost> = {
  inputs: ["name", "keepLocally", "forceRemove", "pullTriggers", "triggers"],
  required: ["name"],
  outputs: ["imageId", "repoDigest"],
  forceNew: ["name", "pullTriggers", "triggers"],
  sets: ["pullTriggers"],
  diffsState: true,
  create: async (inputs, { client }) => {
    const name = text(inputs["name"]) ?? "";
    const image = await findImage(await client.connect(), name).catch((error: unknown) => {
      throw new Error(`Unable to read Docker image into resource: ${messageOf(error)}`);
    });
    return { id: image.Id + name, outputs: outputsOf(name, inputs, image) };
  },
  read: async ({ inputs }, { client }) => {
    const name = text(inputs["name"]) ?? "";
    const image = await inspectImage(await client.connect(), name);
    return image && { id: image.Id + name, inputs, outputs: outputsOf(name, inputs, image) };
  },
  update: async (_old, inputs, { client }) => {
    const name = text(inputs["name"]) ?? "";
    return outputsOf(name, inputs, await findImage(await client.connect(), name));
  },
  delete: async ({ inputs }, { client }) => {
    if (flag(inputs["keepLocally"])) return;
    const docker = await client.connect();
    const image = docker.getImage(text(inputs["name"]) ?? "");
    await image.remove({ force: flag(inputs["forceRemove"]) }).catch((error: unknown) => {
      if (!isNotFound(error)) throw new Error(`Unable to remove Docker image: ${messageOf(error)}`);
    });
  },
};
