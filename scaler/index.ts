export { bridgePoolSchema, jibriPoolSchema, type BridgePoolPolicy, type JibriPoolPolicy } from "./pools";
export { parseBridgeStats, type BridgeStats } from "./jitsi/bridge";
export { parseJibriStatus, type JibriStatus } from "./jitsi/jibri";
export { parseJicofoStats, type JicofoStats } from "./jitsi/jicofo";
