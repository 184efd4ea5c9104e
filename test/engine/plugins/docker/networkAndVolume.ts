import { setTimeout as sleep } from "node:timers/promises";
import type { ResourceType } from "../core";
import type { Properties, Value } from "../properties";
import type { DockerHost } from "./connection";
import { flag, objects, text, textMap } from "../values";
import { isNotFound, labelList, labelMap, messageOf } from "./values";

const removalLimitMs = 30_000;
const removalPauseMs = 500;

/** Removes something that containers may still be leaving. */
async function removeOnceFree(remove: () => Promise<unknown>, inUse: string): Promise<void> {
  const deadline = Date.now() + removalLimitMs;
  for (;;) {
    try {
      await remove();
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!messageOf(error).includes(inUse) || Date.now() > deadline) throw error;
    }
    await sleep(removalPauseMs);
  }
}

/** The part of an inspected network that counts here. */
interface NetworkInfo {
  Name: string;
  Labels: Record<string, string> | null;
  Driver: string;
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  EnableIPv6: boolean;
  Scope: string;
  Options: Record<string, string> | null;
  IPAM: { Driver: string; Options: Record<string, string> | null; Config: IpamConfig[] | null };
}

interface IpamConfig {
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  AuxiliaryAddresses?: Record<string, string>;
}

function networkState(info: NetworkInfo): Properties {
  return {
    name: info.Name,
    labels: labelList(info.Labels),
    driver: info.Driver,
    internal: info.Internal,
    attachable: info.Attachable,
    ingress: info.Ingress,
    ipv6: info.EnableIPv6,
    ipamDriver: info.IPAM.Driver,
    ipamOptions: info.IPAM.Options ?? {},
    ipamConfigs: (info.IPAM.Config ?? []).map((config): Value => ({
      ...(config.Subnet === undefined ? {} : { subnet: config.Subnet }),
      ...(config.IPRange === undefined ? {} : { ipRange: config.IPRange }),
      ...(config.Gateway === undefined ? {} : { gateway: config.Gateway }),
      ...(config.AuxiliaryAddresses === undefined ? {} : { auxAddress: config.AuxiliaryAddresses }),
    })),
    options: info.Options ?? {},
    scope: info.Scope,
  };
}

/** The inputs with what was read in the place of what the program had set. */
function drifted(inputs: Properties, state: Properties): Properties {
  return Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, state[key] ?? value]));
}

/** `docker.Network`. */
export const network: ResourceType<DockerHost> = {
  inputs: [
    "name",
    "labels",
    "driver",
    "options",
    "internal",
    "attachable",
    "ingress",
    "ipv6",
    "ipamDriver",
    "ipamOptions",
    "ipamConfigs",
  ],
  nested: { labels: ["label", "value"], ipamConfigs: ["subnet", "ipRange", "gateway", "auxAddress"] },
  outputs: ["scope", "driver", "internal", "ipamConfigs", "options"],
  defaults: { ipamDriver: "default" },
  autoName: true,
  forceNew: "all",
  sets: ["labels", "ipamConfigs"],
  sticky: ["driver", "options", "internal", "ipamConfigs"],
  diffsState: true,
  create: async (inputs, { client }) => {
    const docker = await client.connect();
    const options = {
      Name: text(inputs["name"]) ?? "",
      CheckDuplicate: true,
      Labels: labelMap(inputs["labels"]),
      Driver: text(inputs["driver"]) ?? "bridge",
      Options: textMap(inputs["options"]),
      Internal: flag(inputs["internal"]),
      Attachable: flag(inputs["attachable"]),
      Ingress: flag(inputs["ingress"]),
      EnableIPv6: flag(inputs["ipv6"]),
      IPAM: {
        Driver: text(inputs["ipamDriver"]) ?? "default",
        Options: textMap(inputs["ipamOptions"]),
        Config: objects(inputs["ipamConfigs"]).map((config) => ({
          Subnet: text(config["subnet"]) ?? "",
          IPRange: text(config["ipRange"]) ?? "",
          Gateway: text(config["gateway"]) ?? "",
          AuxiliaryAddresses: textMap(config["auxAddress"]),
        })),
      },
    };
    const created = await docker.createNetwork(options).catch((error: unknown) => {
      throw new Error(`Unable to create network: ${messageOf(error)}`);
    });
    const info = (await created.inspect()) as NetworkInfo;
    return { id: created.id, outputs: { ...inputs, ...networkState(info) } };
  },
  read: async ({ id, inputs }, { client }) => {
    const docker = await client.connect();
    try {
      const state = networkState((await docker.getNetwork(id).inspect()) as NetworkInfo);
      return { id, inputs: drifted(inputs, state), outputs: { ...inputs, ...state } };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  },
  delete: async ({ id }, { client }) => {
    const docker = await client.connect();
    await removeOnceFree(() => docker.getNetwork(id).remove() as Promise<unknown>, "has active endpoints");
  },
};

interface VolumeInfo {
  Name: string;
  Labels: Record<string, string> | null;
  Driver: string;
  Options: Record<string, string> | null;
  Mountpoint: string;
}

function volumeState(info: VolumeInfo): Properties {
  return {
    name: info.Name,
    labels: labelList(info.Labels),
    driver: info.Driver,
    driverOpts: info.Options ?? {},
    mountpoint: info.Mountpoint,
  };
}

/** `docker.Volume`. */
export const volume: ResourceType<DockerHost> = {
  inputs: ["name", "labels", "driver", "driverOpts"],
  nested: { labels: ["label", "value"] },
  outputs: ["driver", "mountpoint"],
  autoName: true,
  forceNew: "all",
  sets: ["labels"],
  sticky: ["name", "driver"],
  diffsState: true,
  create: async (inputs, { client }) => {
    const docker = await client.connect();
    const name = text(inputs["name"]) ?? "";
    const options = {
      Name: name,
      Labels: labelMap(inputs["labels"]),
      Driver: text(inputs["driver"]) ?? "local",
      DriverOpts: textMap(inputs["driverOpts"]),
    };
    await docker.createVolume(options).catch((error: unknown) => {
      throw new Error(`Unable to create volume: ${messageOf(error)}`);
    });
    const info = (await docker.getVolume(name).inspect()) as VolumeInfo;
    return { id: name, outputs: { ...inputs, ...volumeState(info) } };
  },
  read: async ({ id, inputs }, { client }) => {
    const docker = await client.connect();
    try {
      const state = volumeState(await docker.getVolume(id).inspect());
      return { id, inputs: drifted(inputs, state), outputs: { ...inputs, ...state } };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw new Error(`Unable to inspect volume: ${messageOf(error)}`);
    }
  },
  delete: async ({ id }, { client }) => {
    const docker = await client.connect();
    await removeOnceFree(
      () => docker.getVolume(id).remove({ force: true }) as Promise<unknown>,
      "volume is in use",
    );
  },
};
