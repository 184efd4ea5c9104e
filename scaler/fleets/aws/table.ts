import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import { TABLE_KEY } from "../../fleetStatus";
import { clientSettings, type Where } from "./cloud";

/** The fleet's table: a few items of texts. */
export class Table {
  private readonly client: DynamoDBClient;

  constructor(
    where: Where,
    private readonly table: string,
  ) {
    this.client = new DynamoDBClient(clientSettings(where));
  }

  /** As it is now, not as it lately was. */
  async read(key: string): Promise<Record<string, string> | undefined> {
    const { Item } = await this.client.send(
      new GetItemCommand({ TableName: this.table, Key: { [TABLE_KEY]: { S: key } }, ConsistentRead: true }),
    );
    return Item && Object.fromEntries(Object.entries(Item).map(([name, { S = "" }]) => [name, S]));
  }

  /**
   * Writes an item as a whole. With `only` it is written only while that attribute is as told, undefined: while there
   * is no item. False where it is not.
   */
  async write(
    key: string,
    attributes: Readonly<Record<string, string>>,
    only?: { readonly attribute: string; readonly is: string | undefined },
  ): Promise<boolean> {
    const texts = Object.entries({ [TABLE_KEY]: key, ...attributes }).map(
      ([name, text]) => [name, { S: text }] as const,
    );
    try {
      await this.client.send(
        new PutItemCommand({ TableName: this.table, Item: Object.fromEntries(texts), ...conditionOf(only) }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  close(): void {
    this.client.destroy();
  }
}

function conditionOf(only: { readonly attribute: string; readonly is: string | undefined } | undefined) {
  if (!only) return {};
  const ExpressionAttributeNames = { "#attribute": only.attribute };
  return only.is === undefined
    ? { ConditionExpression: "attribute_not_exists(#attribute)", ExpressionAttributeNames }
    : {
        ConditionExpression: "#attribute = :is",
        ExpressionAttributeNames,
        ExpressionAttributeValues: { ":is": { S: only.is } },
      };
}
