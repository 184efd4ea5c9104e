import type { TargetHealthDescription } from "@aws-sdk/client-elastic-load-balancing-v2";
import * as pulumi from "@pulumi/pulumi";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { AwsFleetSettings } from "../settings";
import { clientSettings } from "./clients";

/** Who was sent to a machine before it was taken out has so long to end what they do. */
export const DEREGISTRATION_SECONDS = 60;
/** A machine that was taken in is sent users after minutes. */
const OTHER_LIMIT_SECONDS = 600;
const PAUSE_SECONDS = 1;

const attachment = z.object({ targetGroupArn: z.string(), targetId: z.string() });
type Attachment = z.output<typeof attachment>;

/**
 * The hooks of what has the load balancer send users to a machine: it is taken out only beside another one that users
 * are sent to, and does not end before the load balancer has let go of it.
 */
export class TargetHooks {
  /** Before a machine is taken out. */
  readonly takeOut: pulumi.ResourceHook;
  /** After it was. */
  readonly letGo: pulumi.ResourceHook;

  /** @param isDestroying whether nothing is to stay */
  constructor(
    private readonly settings: AwsFleetSettings,
    private readonly isDestroying: () => boolean,
  ) {
    const hook = (name: string, wait: (target: Attachment) => Promise<void>): pulumi.ResourceHook =>
      new pulumi.ResourceHook(name, async ({ oldInputs }) => {
        if (!this.isDestroying()) await wait(attachment.parse(oldInputs));
      });
    this.takeOut = hook("take-out-only-beside-another", (target) => this.untilAnotherServes(target));
    this.letGo = hook("wait-until-let-go", (target) => this.untilLetGo(target));
  }

  private async untilAnotherServes(target: Attachment): Promise<void> {
    const limit = Date.now() + OTHER_LIMIT_SECONDS * 1000;
    for (;;) {
      const all = await this.health(target);
      const serves = ({ TargetHealth }: TargetHealthDescription): boolean =>
        TargetHealth?.State === "healthy";
      const own = all.filter(({ Target }) => Target?.Id === target.targetId);
      const others = all.filter(({ Target }) => Target?.Id !== target.targetId);
      // Nobody is sent to one that does not serve, or whose group is in no use.
      if (!own.some(serves) || others.some(serves) || this.settings.allowCutCalls) return;
      if (Date.now() > limit)
        throw new Error(
          `${target.targetId} is the only machine of the edge that the load balancer finds alive (${toldOf(others)}), and stays: ` +
            "see journalctl -u jitsi-fleet on the other one, then run pulumi up again. To replace it all the same: pulumi config set allowCutCalls true",
        );
      await sleep(PAUSE_SECONDS * 1000);
    }
  }

  /** Whatever the load balancer says: by its own word it has by then. */
  private async untilLetGo(target: Attachment): Promise<void> {
    const limit = Date.now() + 2 * DEREGISTRATION_SECONDS * 1000;
    for (;;) {
      const states = await this.health(target, target.targetId);
      if (!states.some(({ TargetHealth }) => TargetHealth?.State === "draining") || Date.now() > limit)
        return;
      await sleep(PAUSE_SECONDS * 1000);
    }
  }

  /** Of all machines in its group, or of one, which may have left it. */
  private async health(
    { targetGroupArn }: Attachment,
    one?: string,
  ): Promise<readonly TargetHealthDescription[]> {
    const { DescribeTargetHealthCommand, ElasticLoadBalancingV2Client, InvalidTargetException } = await sdk();
    const client = new ElasticLoadBalancingV2Client(clientSettings(this.settings));
    try {
      const asked = new DescribeTargetHealthCommand({
        TargetGroupArn: targetGroupArn,
        ...(one === undefined ? {} : { Targets: [{ Id: one }] }),
      });
      return (await client.send(asked)).TargetHealthDescriptions ?? [];
    } catch (error) {
      // It is no machine any more.
      if (error instanceof InvalidTargetException) return [];
      throw error;
    } finally {
      client.destroy();
    }
  }
}

/** Only where it is called: a preview need not wait for it to load. */
const sdk = () => import("@aws-sdk/client-elastic-load-balancing-v2");

const toldOf = (others: readonly TargetHealthDescription[]): string =>
  others.map(({ Target, TargetHealth }) => `${Target?.Id ?? ""}: ${TargetHealth?.State ?? ""}`).join(", ") ||
  "there is no other";
