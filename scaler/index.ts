export { bridgePoolSchema, jibriPoolSchema, type BridgePoolPolicy, type JibriPoolPolicy } from "./pools";
export {
  CERTIFICATE_NAME,
  CONFIGURATION_FILE,
  INSTANCE,
  MEDIA_PORT,
  type AgentConfiguration,
  type EdgesConfiguration,
  type KeeperConfiguration,
  type PoolTemplate,
  type ScalerConfiguration,
  type UploaderConfiguration,
} from "./configuration";
export { LETS_ENCRYPT_STAGING_URL, LETS_ENCRYPT_URL } from "./keeper/certificates/options";
export { fleetStatusSchema, STATUS_ITEM, TABLE_KEY, type FleetStatus } from "./fleetStatus";
export { bundle, CACHE, programNames, type ProgramName } from "./bundle";
export type { AcmeOptions } from "./keeper/certificates/options";
export { shardsPageSchema, type Holdings, type ShardsPage } from "./keeper/shards";
export { arrangementSchema, shardStates, type ShardState } from "./keeper/topology";
export { LEAVER, LEAVING } from "./keeper/leaving";
export { SHARES_MAP, STATES_MAP, TENANTS_MAP } from "./keeper/wanted";
export { ageSeconds, answerTimes, CLOCK_TOLERANCE_SECONDS } from "./awsTime";
export { bridgePoolOf } from "./core/bridges";
export { dockerName, labels } from "./labels";
export {
  ENDPOINT_TAG,
  MACHINE_TAG,
  machineKeys,
  machineReportSchema,
  POINTER_TAG,
  programKey,
  type MachineReport,
} from "./machine/report";
export {
  MACHINE,
  machineManifest,
  MANIFEST_FILE,
  type MachineContainer,
  type MachineManifest,
} from "./machine/manifest";
export { registryOf, type RegistryLogin } from "./engine/registries";
export { liveTarget, lookedUpTarget, type LiveTarget } from "./engine/liveTarget";
export { joinParts, revisionOf, splitIntoParts } from "./machine/secretParts";
export { hostInUse, inUse, shardInUse } from "./inUse";
export { lookToken } from "./tokenCheck";
export { PART } from "./uploader/names";
