import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { clientSettings, type Where } from "./cloud";
import { readMessage, type Message } from "./messages";

/** A question to the queue waits so long for an answer. */
const WAIT_SECONDS = 5;
const REST_SECONDS = 1;

/** Reads the queue while this scaler is the one that acts. A message is deleted once it is dealt with, else it comes again. */
export class Inbox {
  private readonly client: SQSClient;
  private readonly ending = new AbortController();
  private readonly running: Promise<void>;

  constructor(
    where: Where,
    private readonly queueUrl: string,
    private readonly isOpen: () => boolean,
    private readonly onMessage: (message: Message) => Promise<void>,
    private readonly log: Logger,
  ) {
    this.client = new SQSClient({
      ...clientSettings(where),
      // The queue's own host and scheme are the endpoint's: what differs is told by whoever made the URL.
      useQueueUrlAsEndpoint: where.endpoint === undefined,
      requestHandler: { connectionTimeout: 2000, requestTimeout: (WAIT_SECONDS + 5) * 1000 },
    });
    this.running = this.run();
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.running;
    this.client.destroy();
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      const hasRead = this.isOpen() && (await this.read().catch((error: unknown) => this.tell(error)));
      if (!hasRead) await sleep(REST_SECONDS * 1000, undefined, { signal }).catch(() => undefined);
    }
  }

  private async read(): Promise<boolean> {
    const { Messages = [] } = await this.client.send(
      new ReceiveMessageCommand({
        QueueUrl: this.queueUrl,
        WaitTimeSeconds: WAIT_SECONDS,
        MaxNumberOfMessages: 10,
      }),
      { abortSignal: this.ending.signal },
    );
    for (const { Body = "", ReceiptHandle } of Messages) {
      // Of another scaler from now on: it gets the message again.
      if (!this.isOpen()) return false;
      await this.onMessage(readMessage(Body));
      await this.client.send(new DeleteMessageCommand({ QueueUrl: this.queueUrl, ReceiptHandle }));
    }
    return true;
  }

  private tell(error: unknown): false {
    if (!this.ending.signal.aborted) this.log.warn({ error: String(error) }, "the queue cannot be read");
    return false;
  }
}
