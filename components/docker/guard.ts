import * as pulumi from "@pulumi/pulumi";
import type Docker from "dockerode";
import { z } from "zod";
import type { Role, Route } from "../platform";
import { hostRoles } from "../settings/schema";
import type { Settings } from "../settings";
import { stopRules } from "../stopRules";
import { ROUTES_VARIABLE, SUBJECT_VARIABLE } from "./commands/input";
import { dockerClient } from "./connection";
import { runInContainer } from "./exec";
import { dockerName, labels } from "./naming";

/** Something whose stop might cut a call: a node in a place. */
export interface Subject {
  readonly role: Role;
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
  /** One measurement a subject and update: what is being replaced can't be asked twice. */
  private readonly findings = new Map<string, Promise<Finding>>();

  /** What was warned of in this run: a node and each of its containers would say the same. */
  private readonly warned = new Set<string>();

  constructor(
    private readonly stack: string,
    private readonly settings: Settings,
  ) {
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
  }

  private async beforeChange(args: pulumi.ResourceHookArgs): Promise<void> {
    const { role, host } = nodeInputs.parse(await plain(args.oldInputs));
    const subject: Subject = { role, node: args.name, place: host };
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

  private async beforeStop(args: pulumi.ResourceHookArgs): Promise<void> {
    const subject = subjectOf(await plain(args.oldInputs));
    if (subject) this.refuse(subject, `Stopping ${args.name}`, await this.measured(subject));
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

  private measured(subject: Subject): Promise<Finding> {
    const key = `${subject.role} ${subject.node} ${subject.place}`;
    const finding = this.findings.get(key) ?? this.measure(subject);
    this.findings.set(key, finding);
    return finding;
  }

  private async measure({ role, node, place }: Subject): Promise<Finding> {
    const rule = stopRules[role];
    if (!rule) return "empty";
    const unknown = (why: string, hostIsDown = false): Finding => ({
      objection: `${role} ${node} cannot be measured: ${why}`,
      hostIsDown,
    });
    const host = this.settings.docker.hosts.find(({ name }) => name === place);
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
      if (busy !== undefined) return { objection: `${role} ${node} holds ${busy}`, hostIsDown: false };
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

function howItLeaves(before: Route, after: Route | undefined): string | undefined {
  if (before.state === "maint") return undefined;
  if (!after) return `Removing shard ${before.node}`;
  if (
    after.place !== before.place ||
    after.endpoint.address !== before.endpoint.address ||
    after.endpoint.port !== before.endpoint.port
  )
    return `Moving shard ${before.node}`;
  return after.state === "maint" ? `Setting shard ${before.node} to maint` : undefined;
}

const labelled = z.object({ labels: z.array(z.object({ label: z.string(), value: z.string() })) });
const routed = z.object({ environment: z.object({ [ROUTES_VARIABLE]: z.string() }) });
const subjectLabels = z.object({
  [labels.role]: z.enum(hostRoles),
  [labels.node]: z.string(),
  [labels.place]: z.string(),
});
const asked = z.object({ environment: z.object({ [SUBJECT_VARIABLE]: z.string() }) });
const nodeInputs = z.object({ role: z.enum(hostRoles), host: z.string() });

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
