import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { objectionToEnd, objectionToStop, type Subject, type Words } from "../guard/objections";
import type { Refusals } from "../guard/refusals";
import { measurable, type Measurable } from "../guard/stopRules";
import { plain } from "../guard/values";
import type { DockerFleetSettings } from "../settings";
import type { DockerBefore } from "./before";
import { connectionOf } from "./commands/input";
import { dockerClient, type Connection } from "./connection";
import { Edges } from "./edges";
import { DockerMeasure, isNotFound } from "./measure";
import { nodeOf, type DockerSubject } from "./subject";

/** How what may carry calls on Docker hosts is spoken of. */
export const dockerWords: Words = {
  called: ({ name, role }) => (role === "instances" ? `host ${name}` : `shard ${name}`),
  takingOut: (host) => `Taking out host ${host}`,
  remedy: ({ name, role }) =>
    role === "instances"
      ? `Set ${name} to drained first (docker.hosts[].drained), run pulumi up, and wait until its bridges and Jibris have moved`
      : `Add another shard if the others are full, drain ${name} (npm run shard -- drain ${name} --wait), and change it ` +
        "once its last conference is over",
};

const INSPECT_LIMIT_SECONDS = 20;

/**
 * The hooks of what the preflight cannot see: that a stack is taken down, and that Pulumi is told to replace something
 * whose settings stay (`--replace`), or finds it changed. They know their subject from the resource's own inputs.
 */
export class Guard {
  /** Before a container, or what ends a host's instances, is replaced or deleted: it must be measured empty. */
  readonly stop: pulumi.ResourceHook;
  /** Before the first thing of a whole stack is deleted: all of it must be measured empty. */
  readonly destroy: pulumi.ResourceHook;
  private readonly edges: Edges;
  private readonly measure: DockerMeasure;
  private isDestroying = false;

  constructor(
    private readonly stack: string,
    settings: DockerFleetSettings,
    private readonly before: DockerBefore,
    private readonly refusals: Refusals,
  ) {
    this.edges = new Edges(stack, settings);
    this.measure = new DockerMeasure(before);
    const onDryRun = { onDryRun: true };
    this.stop = new pulumi.ResourceHook("stop-only-what-is-empty", (args) => this.beforeStop(args), onDryRun);
    this.destroy = new pulumi.ResourceHook(
      "destroy-only-what-is-empty",
      () => this.beforeDestroy(),
      onDryRun,
    );
  }

  private async beforeStop(args: pulumi.ResourceHookArgs): Promise<void> {
    const inputs = await plain(args.oldInputs);
    const subject = nodeOf(inputs);
    if (!subject) return;
    const { node, place, role } = subject;
    const container = containerSchema.safeParse(inputs).data?.name;
    if (role === "edge" && !pulumi.runtime.isDryRun() && !this.isDestroying)
      await this.edges.untilItsTurn(place, container ?? "");
    if (!isMeasurable(role)) return;
    const connection = this.before.places.get(place) ?? connectionOf(inputs);
    // With what is lost nothing stops.
    if (container !== undefined && connection && (await isGone(connection, container))) return;
    const about: Subject = { role, name: role === "shard" ? node : place };
    const objection = await objectionToStop(about, `Stopping ${args.name}`, this.measure, dockerWords);
    if (objection) this.refusals.refuse([objection]);
  }

  private async beforeDestroy(): Promise<void> {
    this.isDestroying = true;
    const objection = await objectionToEnd(this.stack, this.before, this.measure, dockerWords);
    if (objection) this.refusals.refuse([objection]);
  }
}

const isMeasurable = (role: DockerSubject["role"]): role is Measurable =>
  measurable.some((one) => one === role);

const containerSchema = z.object({ name: z.string() });

/** Whether the host answers and has no such container. */
async function isGone(connection: Connection, container: string): Promise<boolean> {
  try {
    await dockerClient(connection, INSPECT_LIMIT_SECONDS).getContainer(container).inspect();
    return false;
  } catch (error) {
    return isNotFound(error);
  }
}
