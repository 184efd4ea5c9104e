import { dockerName, labels } from "@jitsi-fleet/scaler";
import * as pulumi from "@pulumi/pulumi";
import type Docker from "dockerode";
import { z } from "zod";
import type { Route } from "../platform";
import { howItLeaves } from "../routes";
import type { DockerFleetSettings } from "../settings";
import { stoppable, stopRules, type Stoppable } from "../stopRules";
import { connectionOf, ROUTES_VARIABLE, SUBJECT_VARIABLE } from "./commands/input";
import { dockerClient, type Connection } from "./connection";
import { runInContainer } from "@jitsi-fleet/scaler/engine/exec";
import { Edges } from "./edges";
import { agentName } from "./ports";

/** Something whose stop might cut a call: a node in a place, or what its scaler started there. */
export interface Subject {
  readonly role: Stoppable;
  readonly node: string;
  readonly place: string;
}

const MEASURE_LIMIT_SECONDS = 20;

/**
 * The hooks that keep an update or a destroy from cutting calls. They are registered once a stack and know their
 * subject from the resource's own inputs, so that they also guard what the program declares no longer.
 */
export class Guard {
  /** Before anything of a node is changed: a shard must be in drain or maint, and everything measured empty. */
  readonly change: pulumi.ResourceHook;
  /** Before one of a node's containers, or the files it reads, is changed or deleted: it must be measured empty. */
  readonly stop: pulumi.ResourceHook;
  /** Before the edge's routes change. */
  readonly reroute: pulumi.ResourceHook;
  /** Before the first thing of a whole stack is deleted: all of it must be measured empty. */
  readonly destroy: pulumi.ResourceHook;
  private readonly edges: Edges;
  private isDestroying = false;
  /** One measurement a subject and update: what is being replaced can't be asked twice. */
  private readonly findings = new Map<string, Promise<Finding>>();

  /** What was warned of in this run: a node and each of its containers would say the same. */
  private readonly warned = new Set<string>();

  constructor(
    private readonly stack: string,
    private readonly settings: DockerFleetSettings,
  ) {
    this.edges = new Edges(stack, settings);
    const onDryRun = { onDryRun: true };
    this.change = new pulumi.ResourceHook(
      "change-only-what-is-drained",
      (args) => this.beforeChange(args),
      onDryRun,
    );
    this.stop = new pulumi.ResourceHook("stop-only-what-is-empty", (args) => this.beforeStop(args), onDryRun);
    this.reroute = new pulumi.ResourceHook(
      "reroute-only-what-is-empty",
      (args) => this.beforeReroute(args),
      onDryRun,
    );
    this.destroy = new pulumi.ResourceHook(
      "destroy-only-what-is-empty",
      () => this.beforeDestroy(),
      onDryRun,
    );
  }

  private async beforeChange(args: pulumi.ResourceHookArgs): Promise<void> {
    const { role, host } = nodeInputs.parse(await plain(args.oldInputs));
    const subject: Subject = { role, node: args.name, place: host };
    await this.closed(subject);
    const found = await this.measured(subject);
    const isReady = this.settings.shards.some(
      ({ name, state }) => name === subject.node && state === "ready",
    );
    const refused = role === "shard" && isReady && found !== "absent";
    // Where the host is down its containers can't be touched either: who leaves them out of this update may go on
    // with the rest, and who does not is stopped at the first of them.
    if (!refused && typeof found === "object" && found.hostIsDown)
      this.warnOnce(subject, `${args.name} is left as it is: ${found.objection}`);
    else this.refuse(subject, `Changing ${args.name}`, refused ? inReady(subject.node) : found);
  }

  /** What is in drain by the settings is so on the edge, too, before it is measured: the same update may bring both. */
  private async closed({ node, place, role }: Subject): Promise<void> {
    if (role !== "shard" || pulumi.runtime.isDryRun() || this.settings.allowCutCalls) return;
    const shard = this.settings.shards.find(({ name }) => name === node);
    if (!shard || shard.state === "ready" || (await this.isDown(place))) return;
    await this.edges.untilClosed(node);
  }

  private async isDown(place: string): Promise<boolean> {
    const host = this.settings.docker.hosts.find(({ name }) => name === place);
    if (!host) return false;
    return dockerClient(host, MEASURE_LIMIT_SECONDS)
      .ping()
      .then(
        () => false,
        () => true,
      );
  }

  private async beforeStop(args: pulumi.ResourceHookArgs): Promise<void> {
    const inputs = await plain(args.oldInputs);
    const subject = subjectOf(inputs);
    if (!subject) return;
    if (subject.role === "edge" && !pulumi.runtime.isDryRun() && !this.isDestroying)
      await this.edges.untilItsTurn(subject.place, dockerNameOf(inputs));
    this.refuse(subject, `Stopping ${args.name}`, await this.measured(subject, connectionOf(inputs)));
  }

  private async beforeReroute(args: pulumi.ResourceHookArgs): Promise<void> {
    const after = routesOf(await plain(args.newInputs));
    for (const route of routesOf(await plain(args.oldInputs))) {
      const leaving = howItLeaves(
        route,
        after.find(({ node }) => node === route.node),
      );
      if (leaving === undefined) continue;
      const subject: Subject = { role: "shard", node: route.node, place: route.place };
      this.refuse(
        subject,
        leaving,
        route.state === "ready" ? inReady(route.node) : await this.measured(subject),
      );
    }
  }

  private async beforeDestroy(): Promise<void> {
    this.isDestroying = true;
    const { docker, shards } = this.settings;
    const subjects: Subject[] = [
      ...shards.map(({ name, place }) => ({ role: "shard", node: name, place }) as const),
      ...docker.hosts
        .filter(({ roles }) => roles.includes("bridge") || roles.includes("jibri"))
        .map(({ name }) => ({ role: "instances", node: agentName(name), place: name }) as const),
    ];
    const found = await Promise.all(subjects.map((subject) => this.measured(subject)));
    const objections = found.flatMap((finding) => (typeof finding === "string" ? [] : [finding.objection]));
    if (objections.length > 0)
      this.refuse({ role: "instances", node: this.stack, place: "" }, `Destroying ${this.stack}`, {
        objection: objections.join("; "),
        hostIsDown: false,
      });
  }

  /** `known`: how its host is reached, should it have left the settings. */
  private measured(subject: Subject, known?: Connection): Promise<Finding> {
    const key = `${subject.role} ${subject.node} ${subject.place}`;
    const finding = this.findings.get(key) ?? this.measure(subject, known);
    this.findings.set(key, finding);
    return finding;
  }

  private async measure({ role, node, place }: Subject, known: Connection | undefined): Promise<Finding> {
    const rule = stopRules[role];
    if (!rule) return "empty";
    const called = role === "instances" ? `host ${place}` : `${role} ${node}`;
    const unknown = (why: string, hostIsDown = false): Finding => ({
      objection: `${called} cannot be measured: ${why}`,
      hostIsDown,
    });
    const host = this.settings.docker.hosts.find(({ name }) => name === place) ?? known;
    if (!host) return unknown(`its host ${place} is not in docker.hosts`);
    const engine = dockerClient(host, MEASURE_LIMIT_SECONDS);
    try {
      await engine.ping();
    } catch (error) {
      return unknown(`its host ${place} does not answer (${reasonOf(error)})`, true);
    }
    try {
      const container = engine.getContainer(dockerName(this.stack, node, rule.container));
      const answer = await askContainer(container, rule.command);
      const busy = answer === undefined ? undefined : rule.busy(answer);
      if (busy !== undefined) return { objection: `${called} holds ${busy}`, hostIsDown: false };
      return answer === undefined ? "absent" : "empty";
    } catch (error) {
      return unknown(reasonOf(error));
    }
  }

  private refuse(subject: Subject, what: string, found: Finding): void {
    if (typeof found === "string") return;
    const reason = `${what} would cut calls: ${found.objection}`;
    if (this.settings.allowCutCalls) {
      this.warnOnce(subject, `${reason}. Allowed by allowCutCalls.`);
      return;
    }
    const remedy = stopRules[subject.role]?.remedy(subject.node) ?? "";
    const message = `${reason}. ${remedy}. To cut them all the same: pulumi config set allowCutCalls true`;
    if (!pulumi.runtime.isDryRun()) throw new Error(message);
    this.warnOnce(subject, `As things are now, this update would be refused. ${message}`);
  }

  private warnOnce({ role, node }: Subject, message: string): void {
    if (this.warned.has(`${role} ${node}`)) return;
    this.warned.add(`${role} ${node}`);
    void pulumi.log.warn(message);
  }
}

/** A hook's inputs, which hold an Output wherever a secret is in them. */
function plain(inputs: Record<string, unknown> | undefined): Promise<unknown> {
  return new Promise((resolve) => {
    pulumi.output(inputs ?? {}).apply(resolve);
  });
}

/** What was measured: nothing runs there, nobody is on it, or why it must not be stopped. */
type Finding = "absent" | "empty" | { readonly objection: string; readonly hostIsDown: boolean };

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const inReady = (shard: string): Finding => ({
  objection: `shard ${shard} is in state ready`,
  hostIsDown: false,
});

const labelled = z.object({ labels: z.array(z.object({ label: z.string(), value: z.string() })) });
const routed = z.object({ environment: z.object({ [ROUTES_VARIABLE]: z.string() }) });
const subjectLabels = z.object({
  [labels.role]: z.enum(stoppable),
  [labels.node]: z.string(),
  [labels.place]: z.string(),
});
const asked = z.object({ environment: z.object({ [SUBJECT_VARIABLE]: z.string() }) });
const nodeInputs = z.object({ role: z.enum(stoppable), host: z.string() });

/** Whom a resource belongs to, by a command's environment or a container's labels. */
function subjectOf(inputs: unknown): Subject | undefined {
  const command = asked.safeParse(inputs);
  if (command.success) return JSON.parse(command.data.environment[SUBJECT_VARIABLE]) as Subject;
  const container = labelled.safeParse(inputs);
  const named = Object.fromEntries(container.data?.labels.map(({ label, value }) => [label, value]) ?? []);
  const subject = subjectLabels.safeParse(named);
  if (!subject.success) return undefined;
  return {
    role: subject.data[labels.role],
    node: subject.data[labels.node],
    place: subject.data[labels.place],
  };
}

const dockerNameOf = (inputs: unknown): string =>
  z.object({ name: z.string() }).safeParse(inputs).data?.name ?? "";

function routesOf(inputs: unknown): Route[] {
  const parsed = routed.safeParse(inputs);
  return parsed.success ? (JSON.parse(parsed.data.environment[ROUTES_VARIABLE]) as Route[]) : [];
}

/**
 * Runs a command in a container and returns what it prints; undefined where there is no container, or none that ever
 * ran. Throws where it is there but cannot answer.
 */
async function askContainer(
  container: Docker.Container,
  command: readonly string[],
): Promise<string | undefined> {
  const inspection = await container.inspect().catch((error: unknown) => {
    if (error instanceof Error && "statusCode" in error && error.statusCode === 404) return undefined;
    throw error;
  });
  if (!inspection || inspection.State.Status === "created") return undefined;
  if (!inspection.State.Running)
    throw new Error(`its container ${inspection.Name.slice(1)} is ${inspection.State.Status}`);
  const { exitCode, output } = await runInContainer(container, command);
  if (exitCode !== 0) throw new Error(output.trim() || `the question ended with code ${exitCode}`);
  return output;
}
