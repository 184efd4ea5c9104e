import { Parameters } from "../parameters";
import { QueryError, type Structure } from "../query";
import { groupActions } from "./groupActions";
import { hookActions } from "./hookActions";
import { instanceActions } from "./instanceActions";
import { policyActions, scheduleActions, warmPoolActions } from "./planActions";
import type { Handler, World } from "./world";

export const NAMESPACE = "http://autoscaling.amazonaws.com/doc/2011-01-01/";

/**
 * The actions of Auto Scaling's query API that a fleet uses. Their parameters, limits, defaults and errors' codes are
 * those of botocore's model (2011-01-01); texts of errors are those that users of AWS have reported, where any was
 * found: in issues of buildkite/elastic-ci-stack-for-aws (minimum size), kubernetes/autoscaler (maximum size),
 * ansible/ansible (ResourceInUse), hashicorp/terraform (test message), hashicorp/terraform-provider-aws (retention),
 * infrahouse/infrahouse-toolkit (protection), convox/rack and spacelift-io (no active lifecycle action).
 */
export class AutoScalingApi {
  private readonly handlers: Readonly<Record<string, Handler>>;

  constructor(world: World) {
    this.handlers = {
      ...groupActions(world),
      ...instanceActions(world),
      ...hookActions(world),
      ...warmPoolActions(world),
      ...scheduleActions(world),
      ...policyActions(world),
    };
  }

  async call(action: string, given: Structure): Promise<Structure> {
    const handler = this.handlers[action];
    if (!handler)
      throw new QueryError(
        "InvalidAction",
        `The emulator has no ${action}; it has ${Object.keys(this.handlers).sort().join(", ")}.`,
      );
    return handler(new Parameters(given));
  }
}
