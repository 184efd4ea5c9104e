/** Stand-in for `pulumi-resource-docker`: really acts, through the Docker API. */
import { serveProvider } from "./core";
import { connectionConfig, DockerHost } from "./docker/connection";
import { container } from "./docker/container";
import { remoteImage } from "./docker/image";
import { network, volume } from "./docker/networkAndVolume";

serveProvider({
  version: "5.2.0",
  config: connectionConfig,
  configure: (config) => new DockerHost(config),
  types: {
    "docker:index/container:Container": container,
    "docker:index/network:Network": network,
    "docker:index/remoteImage:RemoteImage": remoteImage,
    "docker:index/volume:Volume": volume,
  },
});
