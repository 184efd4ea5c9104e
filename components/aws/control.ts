import * as dynamodb from "@pulumi/aws/dynamodb";
import { TABLE_KEY, type EdgesConfiguration, type ScalerConfiguration } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import type { Control, ControlConfiguration, Endpoint, PoolRole } from "../platform";
import type { AgentAccess } from "./agentAccess";
import { awsName, metricNamespace } from "./names";
import type { Ground } from "./node";
import { scalerStatements, type Statement } from "./policies";
import { AGENT_PORT } from "./ports";

export interface AwsControlArgs {
  readonly ground: Ground;
  readonly access: AgentAccess;
  readonly pools: readonly {
    readonly name: string;
    readonly role: PoolRole;
    readonly group: pulumi.Output<string>;
  }[];
  readonly shards: readonly { readonly name: string; readonly web: Endpoint }[];
  readonly edges: pulumi.Output<EdgesConfiguration>;
}

/** It calls AWS by its machine's role. */
export const AWS_SCALER = { program: "awsScaler", network: "machine" } as const;

/** What the scalers share: who of them acts, what they saw, and the groups and the queue that they act by. */
export class AwsControl extends pulumi.ComponentResource implements Control {
  readonly program = AWS_SCALER.program;
  readonly network = AWS_SCALER.network;
  /** What a scaler's machine may. */
  readonly rights: readonly Statement[];
  private readonly controlled: pulumi.Output<
    Omit<Extract<ScalerConfiguration["fleet"], { kind: "aws" }>, "replica">
  >;

  constructor(name: string, args: AwsControlArgs, opts?: pulumi.ComponentResourceOptions) {
    const { access, edges, ground, pools, shards } = args;
    const { settings, stack } = ground.context;
    const { endpoint, region } = settings.aws;
    super("jitsi-fleet:aws:Control", name, {}, opts);
    const table = new dynamodb.Table(
      name,
      {
        name: awsName(stack, "fleet"),
        billingMode: "PAY_PER_REQUEST",
        hashKey: TABLE_KEY,
        attributes: [{ name: TABLE_KEY, type: "S" }],
        serverSideEncryption: { enabled: true },
        tags: { Role: "control" },
      },
      { parent: this, provider: ground.context.provider },
    );
    this.rights = scalerStatements({
      region,
      stack,
      groups: pools.map((pool) => awsName(stack, pool.name)),
      queue: awsName(stack, "events"),
      table: awsName(stack, "fleet"),
      metrics: metricNamespace(stack),
    });
    this.controlled = pulumi
      .all([
        access.token,
        access.tls.certificate,
        table.name,
        ground.events.queue.url,
        pulumi.all(pools.map(({ group }) => group)),
        edges,
      ])
      .apply(([agentToken, agentCertificate, tableName, queueUrl, groups, keepers]) => ({
        kind: "aws" as const,
        region,
        ...(endpoint === undefined ? {} : { endpoint }),
        table: tableName,
        queueUrl,
        namespace: metricNamespace(stack),
        groups: pools.map((pool, index) => ({
          pool: pool.name,
          role: pool.role,
          group: groups[index] ?? "",
        })),
        agentPort: AGENT_PORT,
        agentToken,
        agentCertificate,
        shards: shards.map(({ name: shard, web }) => ({
          shard,
          url: `http://${web.address}:${web.port}`,
        })),
        edges: keepers,
        leaseSeconds: LEASE_SECONDS,
      }));
    this.registerOutputs();
  }

  configuration(scaler: string): pulumi.Output<ControlConfiguration> {
    return this.controlled.apply((controlled) => ({ fleet: { ...controlled, replica: scaler } }));
  }
}

/** Unheard for so long, the scaler that acts is relieved by another. */
const LEASE_SECONDS = 15;
