import { Counter, Gauge, Registry } from "prom-client";
import { unsaved } from "../fleets/observe";
import type { Deed, Look } from "./loop";

/** What the scaler tells Prometheus. What is unknown is absent, never 0. */
export class Metrics {
  readonly registry = new Registry();
  private readonly actions = new Counter({
    name: "jitsi_fleet_actions_total",
    help: "Actions by kind and result (done, failed).",
    labelNames: ["kind", "result"],
    registers: [this.registry],
  });
  private readonly gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name: `jitsi_fleet_${name}`, help, labelNames, registers: [this.registry] });
  private readonly desired = this.gauge("pool_desired_instances", "Instances that ought to serve.", ["pool"]);
  private readonly serving = this.gauge("pool_serving_instances", "Instances that serve.", ["pool"]);
  private readonly pending = this.gauge("pool_pending_instances", "Instances that are starting.", ["pool"]);
  private readonly instances = this.gauge(
    "pool_instances",
    "Instances by what they are good for: bridges serving, pending, draining, retiring …, Jibris free, busy, unseen, uploading ….",
    ["pool", "state"],
  );
  private readonly freeFor = this.gauge(
    "shard_free_jibris",
    "Idle Jibris that the shard's Jicofo can give its next recording to; absent where it does not say.",
    ["shard"],
  );
  private readonly participants = this.gauge("pool_participants", "Participants on bridges that say so.", [
    "pool",
  ]);
  private readonly reachable = this.gauge("host_reachable", "1 if the host's agent answers.", ["host"]);
  private readonly recordings = this.gauge(
    "recordings",
    "Recordings that are not in the store yet, by state; partial: whose Jibri ended before them.",
    ["host", "state"],
  );
  private readonly recordingRoom = this.gauge(
    "recording_room",
    "Recordings that still find room on the host's volume, those under way included.",
    ["host"],
  );
  private readonly recordingFree = this.gauge(
    "recording_volume_free_bytes",
    "Free bytes of the host's volume of recordings.",
    ["host"],
  );
  private readonly recordingBytes = this.gauge(
    "recording_bytes",
    "Bytes of recordings since the uploader's start: stored, sent for that, read back for that. Sent or read well above stored: a store refuses what it was given.",
    ["host", "way"],
  );
  private readonly looked = this.gauge("look_timestamp_seconds", "When the fleet was looked at.", ["look"]);
  private readonly took = this.gauge("look_seconds", "How long a look took, decision included.", ["look"]);

  private readonly leads = this.gauge("scaler_leads", "1 if this scaler acts; of several one does.", []);

  count({ action, error }: Deed): void {
    this.actions.inc({ kind: action.kind, result: error === undefined ? "done" : "failed" });
  }

  /** The text of /metrics. */
  page(look: Look | undefined): Promise<string> {
    for (const gauge of [
      this.desired,
      this.serving,
      this.pending,
      this.instances,
      this.freeFor,
      this.participants,
      this.reachable,
      this.recordings,
      this.recordingRoom,
      this.recordingFree,
      this.recordingBytes,
    ])
      gauge.reset();
    if (look) this.show(look);
    return this.registry.metrics();
  }

  private show({ atMilliseconds, fleet, leads, outlook, reports, seconds }: Look): void {
    for (const { desired, freeFor, pending, pool, role, serving, states } of outlook) {
      for (const [shard, count] of Object.entries(freeFor ?? {}))
        if (count !== null) this.freeFor.inc({ shard }, count);
      for (const [state, count] of Object.entries(states)) this.instances.set({ pool, state }, count);
      if (desired !== undefined) this.desired.set({ pool }, desired);
      this.serving.set({ pool }, serving);
      this.pending.set({ pool }, pending);
      if (role === "bridge")
        for (const { load } of fleet.bridges.filter((bridge) => bridge.pool === pool))
          if (load.kind === "fresh") this.participants.inc({ pool }, load.value.participants);
    }
    for (const [host, report] of Object.entries(reports)) {
      const isReachable = !("error" in report);
      this.reachable.set({ host }, isReachable ? 1 : 0);
      if (!isReachable || !report.spool || "error" in report.spool) continue;
      const { readBytes, sentBytes, uploadedBytes, volume } = report.spool;
      for (const [way, bytes] of Object.entries({ stored: uploadedBytes, sent: sentBytes, read: readBytes }))
        if (bytes !== undefined) this.recordingBytes.set({ host, way }, bytes);
      if (volume) {
        this.recordingRoom.set({ host }, volume.room);
        this.recordingFree.set({ host }, volume.freeBytes);
      }
      const items = unsaved(report.spool);
      for (const state of ["waiting", "uploading", "failing"] as const)
        this.recordings.set({ host, state }, items.filter((item) => item.state === state).length);
      this.recordings.set({ host, state: "partial" }, items.filter(({ partial }) => partial).length);
    }
    this.leads.set(leads ? 1 : 0);
    this.looked.set({ look: "last" }, atMilliseconds / 1000);
    this.took.set({ look: "last" }, seconds);
  }
}
