import * as pulumi from "@pulumi/pulumi";
import type { MonitoredArgs, Platform } from "./platform";

export interface MonitoringStackArgs extends MonitoredArgs {
  readonly platform: Platform;
}

/**
 * What shows the fleet to people, and tells them what needs one: dashboards and alarms of what each machine's collector
 * brings. It is out of the way of all that carries a call: its loss stops no meeting, and no scaling.
 */
export class MonitoringStack extends pulumi.ComponentResource {
  constructor(name: string, args: MonitoringStackArgs, opts?: pulumi.ComponentResourceOptions) {
    const { platform, pools, shards } = args;
    super("jitsi-fleet:index:MonitoringStack", name, {}, opts);
    platform.monitor(name, { pools, shards }, { parent: this });
    this.registerOutputs();
  }
}
