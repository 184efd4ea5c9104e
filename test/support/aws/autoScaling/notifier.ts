import { randomUUID } from "node:crypto";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { ClientSettings } from "../clientSettings";
import type { Hook } from "./model";

/** What a lifecycle action is told with. */
export interface Notice {
  readonly group: string;
  readonly groupArn: string;
  readonly hook: Hook;
  readonly instanceId: string;
  readonly token: string;
  /** `EC2`, `AutoScalingGroup` or `WarmPool`: where the instance comes from and goes to. */
  readonly origin: string;
  readonly destination: string;
}

/**
 * Brings notices to a hook's target and to EventBridge, in the shape of what AWS was recorded to send: JSON also to a
 * topic, though the API's reference speaks of key-value pairs there (a recorded SNS message to a Lambda function of
 * 2024 has `Subject` "Auto Scaling:  Lifecycle action 'TERMINATING' for instance i-… in progress." and JSON in
 * `Message`, with `Origin` and `Destination`).
 */
export class Notifier {
  private readonly sns: SNSClient;
  private readonly sqs: SQSClient;
  private readonly events: EventBridgeClient;
  /** What is due of a duplicate: it comes regularly, so that a test is repeatable. */
  private owed = 0;

  constructor(
    settings: ClientSettings,
    private readonly account: string,
    private readonly duplicateRate: () => number,
  ) {
    this.sns = new SNSClient(settings);
    this.sqs = new SQSClient(settings);
    this.events = new EventBridgeClient(settings);
  }

  /** Throws where it does not arrive. */
  async test(group: string, groupArn: string, target: string): Promise<void> {
    await this.send(target, `Auto Scaling: test notification for group "${group}"`, {
      AccountId: this.account,
      RequestId: randomUUID(),
      AutoScalingGroupARN: groupArn,
      AutoScalingGroupName: group,
      Service: "AWS Auto Scaling",
      Event: "autoscaling:TEST_NOTIFICATION",
      Time: new Date().toISOString(),
    });
  }

  async tell(notice: Notice): Promise<void> {
    const { hook } = notice;
    const detail = {
      LifecycleActionToken: notice.token,
      AutoScalingGroupName: notice.group,
      LifecycleHookName: hook.name,
      EC2InstanceId: notice.instanceId,
      LifecycleTransition: hook.transition,
      ...(hook.metadata === undefined ? {} : { NotificationMetadata: hook.metadata }),
      Origin: notice.origin,
      Destination: notice.destination,
    };
    const isLaunch = hook.transition === "autoscaling:EC2_INSTANCE_LAUNCHING";
    if (hook.target !== undefined) {
      const subject = `Auto Scaling:  Lifecycle action '${isLaunch ? "LAUNCHING" : "TERMINATING"}' for instance ${notice.instanceId} in progress.`;
      const message = {
        ...detail,
        AccountId: this.account,
        RequestId: randomUUID(),
        Service: "AWS Auto Scaling",
        Time: new Date().toISOString(),
      };
      this.owed += this.duplicateRate();
      const times = 1 + Math.floor(this.owed);
      this.owed %= 1;
      for (let time = 0; time < times; time++) await this.send(hook.target, subject, message);
    }
    await this.emit({
      source: "aws.autoscaling",
      type: `EC2 Instance-${isLaunch ? "launch" : "terminate"} Lifecycle Action`,
      resources: [notice.groupArn],
      detail,
    });
  }

  /** To the rules of EventBridge's default bus. */
  async emit(event: {
    source: string;
    type: string;
    resources: readonly string[];
    detail: object;
  }): Promise<void> {
    await this.events.send(
      new PutEventsCommand({
        Entries: [
          {
            Source: event.source,
            DetailType: event.type,
            Resources: [...event.resources],
            Detail: JSON.stringify(event.detail),
          },
        ],
      }),
    );
  }

  destroy(): void {
    for (const client of [this.sns, this.sqs, this.events]) client.destroy();
  }

  private async send(target: string, subject: string, message: object): Promise<void> {
    const body = JSON.stringify(message);
    const [, , service, , owner, name] = target.split(":");
    if (service === "sns") {
      await this.sns.send(new PublishCommand({ TopicArn: target, Subject: subject, Message: body }));
      return;
    }
    const { QueueUrl } = await this.sqs.send(
      new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: owner }),
    );
    await this.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }));
  }
}
