import type { Logger } from "pino";
import type { KeeperConfiguration } from "../configuration";
import { serveKeeper } from "./api";
import { CertificateServing } from "./certificates/serving";
import { EdgeNode } from "./edgeNode";
import { Keeper } from "./keeper";
import { KeeperMetrics } from "./metrics";
import { RemoteKeeper } from "./otherKeeper";
import { ReachOfShards } from "./reach";
import { RoomMetrics } from "./roomMetrics";
import { watchRooms, type RoomWatchArgs } from "./roomWatch";
import { lookAtShards } from "./shards";
import { readWanted } from "./wanted";

/** Of many split rooms the log names these. */
const ALARM_ROOMS = 20;

/** Runs the keeper of an edge node until told to stop. What it leaves is as it was: HAProxy goes on by it. */
export async function runKeeper(
  configuration: KeeperConfiguration,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { haproxy, health, listen, node, order, others, times } = configuration;
  const edge = new EdgeNode(haproxy);
  const remote = others.map(
    (other) =>
      new RemoteKeeper(other.node, {
        url: other.url,
        token: listen.token,
        certificate: listen.tls?.certificate,
      }),
  );
  const reach = new ReachOfShards(node, health);
  const keeper = new Keeper({
    node,
    order,
    others: remote,
    edge,
    reach,
    wanted: () => readWanted(haproxy.configuration),
    times,
    tell: (what, more = {}) => log.info(more, what),
  });
  const metrics = new KeeperMetrics();
  const certificates = configuration.certificates
    ? await CertificateServing.open({
        ...configuration.certificates,
        socket: haproxy.socket,
        others: remote,
        leader: () => ({ isSelf: keeper.leads, node: keeper.view.leader }),
        present: () => keeper.present,
        log,
      })
    : undefined;
  const api = await serveKeeper(listen, {
    keeper,
    metrics,
    certificates: certificates?.certificates,
    leave: async () => {
      await edge.leave();
      log.info("leaves: new users are to be sent to other nodes");
    },
    shards: () => lookAtShards(edge),
  });
  log.info({ port: api.port }, "started");
  const rooms: RoomWatchArgs = {
    // One node looks; one that is in maint holds nothing, and need not answer.
    shards: () =>
      Object.fromEntries(
        Object.entries(keeper.leads ? (edge.seen?.shards ?? {}) : {}).filter(
          ([name]) => edge.topology?.shards[name]?.state !== "maint",
        ),
      ),
    metrics: new RoomMetrics(metrics.registry),
    intervalSeconds: configuration.roomsSeconds,
    alarm: (splits) =>
      log.error({ splits: splits.slice(0, ALARM_ROOMS) }, `${splits.length} rooms are split`),
  };
  await Promise.all([
    keeper.run(signal),
    reach.run(() => edge.seen?.shards ?? {}, signal),
    watchRooms(rooms, signal),
    certificates?.run(signal),
  ]);
  api.close();
}
