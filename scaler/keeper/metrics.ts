import { Counter, Gauge, Registry } from "prom-client";
import type { AcmeCertificates } from "./certificates/acmeCertificates";
import type { Keeper } from "./keeper";
import { isHeld } from "./topology";

/** What a keeper tells Prometheus of its node and of what it decides. What is unknown is absent, never 0. */
export class KeeperMetrics {
  readonly registry = new Registry();
  private readonly gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name: `jitsi_fleet_edge_${name}`, help, labelNames, registers: [this.registry] });
  private readonly present = this.gauge(
    "nodes_present",
    "Nodes of the edge that this one hears, itself among them.",
  );
  private readonly nodes = this.gauge("nodes", "Nodes that the edge ought to have.");
  private readonly leads = this.gauge(
    "leads",
    "1 on the node that decides; 1 in all unless the edge is parted.",
  );
  private readonly obeys = this.gauge("haproxy_obeys", "1 while this node's HAProxy is as it ought to be.");
  private readonly held = this.gauge("held", "1 while gates of this node are closed for a change.");
  private readonly settled = this.gauge(
    "settled",
    "1 while what the settings want is in force on this node.",
  );
  private readonly up = this.gauge(
    "shard_up",
    "1 for a shard that may hold rooms, by all nodes' judgement.",
    ["shard"],
  );
  private readonly state = this.gauge("shard_state", "1 for the state in force: ready, drain or maint.", [
    "shard",
    "state",
  ]);
  private readonly reach = this.gauge(
    "shard_reach",
    "1 where this node finds the shard well, 0 where it does not.",
    ["shard"],
  );
  private readonly changes = new Counter({
    name: "jitsi_fleet_edge_changes_total",
    help: "Changes that this node brought into force on all.",
    registers: [this.registry],
  });
  private counted = 0;

  private readonly expires = this.gauge(
    "certificate_expiry_timestamp_seconds",
    "When the public certificate by ACME ends.",
    ["by"],
  );
  private readonly failed = this.gauge(
    "certificate_failures",
    "Attempts in a row that brought no certificate.",
    ["by"],
  );

  /** The text of /metrics. */
  page(keeper: Keeper, certificates: AcmeCertificates | undefined): Promise<string> {
    const certificate = certificates?.state();
    if (certificate?.expiresAtSeconds !== undefined)
      this.expires.set({ by: "acme" }, certificate.expiresAtSeconds);
    if (certificate) this.failed.set({ by: "acme" }, certificate.failure?.attempts ?? 0);
    const { hold, leader, node, reach, topology } = keeper.view;
    for (const gauge of [this.up, this.state, this.reach]) gauge.reset();
    this.present.set(keeper.present.length);
    this.nodes.set(keeper.nodes);
    this.leads.set(leader === node ? 1 : 0);
    this.obeys.set(keeper.obeys ? 1 : 0);
    this.held.set(isHeld(hold) ? 1 : 0);
    this.settled.set(keeper.unsettled === undefined ? 1 : 0);
    for (const [shard, { state, up }] of Object.entries(topology?.shards ?? {})) {
      this.up.set({ shard }, up ? 1 : 0);
      this.state.set({ shard, state }, 1);
    }
    for (const [shard, found] of Object.entries(reach))
      if (found !== "unknown") this.reach.set({ shard }, found === "up" ? 1 : 0);
    this.changes.inc(keeper.changesMade - this.counted);
    this.counted = keeper.changesMade;
    return this.registry.metrics();
  }
}
