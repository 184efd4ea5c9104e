import type { Group, Machine, Member, Notice, PoolGroup } from "../../../../scaler/fleets/aws/groupState";
import { bridge, host, jibri } from "../fleets";

/** Parts of groups, each as good as can be but for what a test says. */

export const BRIDGES: PoolGroup = { pool: "s1-bridges", role: "bridge", group: "fleet-s1-bridges" };
export const JIBRI_GROUP: PoolGroup = { pool: "jibris", role: "jibri", group: "fleet-jibris" };

export const group = (lifecycles: Readonly<Record<string, string>>, more: Partial<Group> = {}): Group => ({
  name: BRIDGES.group,
  desired: Object.values(lifecycles).filter((one) => one === "InService" || one.startsWith("Pending")).length,
  min: 0,
  max: 10,
  template: "lt-1:3",
  revision: undefined,
  instances: Object.entries(lifecycles).map(([id, lifecycle]) => ({ id, lifecycle, template: "lt-1:3" })),
  ...more,
});

export const machine = (more: Partial<Machine> = {}): Machine => ({
  address: "10.42.0.7",
  state: "running",
  launchedAtSeconds: 0,
  revision: undefined,
  ...more,
});

export const INTERRUPTED: Notice = { kind: "interruption", endsAtSeconds: 10_100 };

export const member = (more: Partial<Member> = {}): Member => ({
  id: "i-a",
  name: "s1-bridges-a",
  phase: "serving",
  current: true,
  launchedAtSeconds: 0,
  gone: false,
  notice: undefined,
  told: bridge("s1-bridges-a", {}, { host: "i-a" }),
  ...more,
});

export { bridge, host, jibri };
