import { freePort } from "../freePort";
import { Moto } from "../moto";
import { AutoScalingApi, NAMESPACE } from "./autoScaling/api";
import { Engine } from "./autoScaling/engine";
import type { Group, LifecycleState, Member } from "./autoScaling/model";
import { Notifier } from "./autoScaling/notifier";
import { TargetTracking } from "./autoScaling/targetTracking";
import { World } from "./autoScaling/world";
import { BucketPolicies } from "./buckets";
import type { ClientSettings } from "./clientSettings";
import { Clock } from "./clock";
import { Front, type Answer } from "./front";
import { ImageBuilder } from "./imageBuilder";
import { Machines, type Machine } from "./machines";
import { parseParameters, QueryError, renderAnswer, renderError } from "./query";

const LOOPBACK = "127.0.0.1";
/** moto's. */
const ACCOUNT = "123456789012";
const REGION = "eu-central-1";
/** Auto Scaling's in the query protocol; no other service has it. */
const API_VERSION = "2011-01-01";

/** What may be changed while the emulator runs. */
export interface Behaviour {
  /** Emulated seconds from an instance's order to its machine being up (and onLaunch being called). By default 0. */
  bootSeconds: number;
  /** How many duplicates a hook's message has, on average: of 0.5, every second one comes twice. By default 0. */
  duplicateRate: number;
  /** Calls of Auto Scaling a second that are answered, others are told `Throttling`; by default without a limit. */
  callsPerSecond: number;
  /** Elastic IP addresses that the account may have; by default without a limit. */
  addressLimit: number;
  /** How long descriptions of Auto Scaling may go on saying what they once said, in emulated seconds; by default 0. */
  answerStaleSeconds: number;
}

export interface EmulatorOptions extends Partial<Behaviour> {
  /** Where clients reach it; by default loopback and a free port. */
  readonly address?: string;
  readonly port?: number;
  /**
   * How many times as fast as the wall's its clock runs: hooks' time-outs, boots, Spot's two minutes, schedules. By
   * default 1. Times in its answers are the wall's.
   */
  readonly clockScale?: number;
}

/** An instance of a group, as it truly is: never stale. */
export interface InstanceOfGroup {
  readonly id: string;
  readonly state: LifecycleState;
  readonly zone: string;
  readonly instanceType: string;
  readonly isHealthy: boolean;
  readonly isProtected: boolean;
  readonly isSpot: boolean;
  readonly templateVersion: string;
}

interface Parts {
  readonly moto: Moto;
  readonly front: Front;
  readonly clock: Clock;
  readonly engine: Engine;
  readonly machines: Machines;
  readonly notifier: Notifier;
  readonly tracking: TargetTracking;
  readonly calls: ReadonlyMap<string, number>;
}

/**
 * AWS for tests, at one address: moto, and in front of it what moto lacks or has otherwise than AWS, above all Auto
 * Scaling with its hooks. One region, one account; it takes any credentials and checks no right. Buckets are named by
 * path. Nothing outlives `stop`.
 */
export class AwsEmulator {
  private constructor(
    private readonly parts: Parts,
    /** Changes of it are in force at once. */
    readonly behaviour: Behaviour,
    readonly url: string,
  ) {}

  static async start(options: EmulatorOptions = {}): Promise<AwsEmulator> {
    const motoPort = await freePort();
    const moto = new Moto({
      port: motoPort,
      // moto is left a minute to say that a certificate is valid, and else knows no managed policy.
      prefix: ["MOTO_ACM_VALIDATION_WAIT=1", "MOTO_IAM_LOAD_MANAGED_POLICIES=true"],
    });
    await moto.start();
    const behaviour: Behaviour = {
      bootSeconds: options.bootSeconds ?? 0,
      duplicateRate: options.duplicateRate ?? 0,
      callsPerSecond: options.callsPerSecond ?? Infinity,
      answerStaleSeconds: options.answerStaleSeconds ?? 0,
      addressLimit: options.addressLimit ?? Infinity,
    };
    const settings = clientSettings(moto.url);
    const clock = new Clock(options.clockScale);
    const machines = new Machines(settings);
    const notifier = new Notifier(settings, ACCOUNT, () => behaviour.duplicateRate);
    const engine = new Engine(clock, machines, notifier, behaviour);
    const tracking = new TargetTracking(settings, clock, engine);
    const world = new World({
      account: ACCOUNT,
      region: REGION,
      clock,
      engine,
      machines,
      notifier,
      staleSeconds: () => behaviour.answerStaleSeconds,
    });
    const api = new AutoScalingApi(world);
    const policies = new BucketPolicies();
    const images = new ImageBuilder((name, tags) => machines.registerImage(name, tags));
    const calls = new Map<string, number>();
    const throttle = new Throttle(() => behaviour.callsPerSecond);
    const address = options.address ?? LOOPBACK;
    const front = await Front.listen(address, options.port ?? 0, {
      backend: () => ({ host: LOOPBACK, port: motoPort }),
      answer: async (request) => {
        const action = request.form?.get("Action");
        if (action && request.form?.get("Version") === API_VERSION) {
          calls.set(action, (calls.get(action) ?? 0) + 1);
          return throttle.admits() ? answerQuery(api, action, request.form) : THROTTLED;
        }
        if (action === "AllocateAddress" && (await machines.addresses()) >= behaviour.addressLimit)
          return NO_MORE_ADDRESSES;
        if (request.service === "imagebuilder") return images.answer(request);
        return request.service === "s3" ? policies.answer(request) : undefined;
      },
      amend: ({ form, service }) =>
        service === "ec2" && form ? withZone(machines, form) : Promise.resolve(undefined),
      answered: ({ form, service }) => {
        if (service === "ec2" && form) tellLost(engine, form);
        return Promise.resolve();
      },
    }).catch(async (error: unknown) => {
      await moto.stop();
      throw error;
    });
    const url = `http://${address}:${front.port}`;
    tracking.start();
    return new AwsEmulator(
      { moto, front, clock, engine, machines, notifier, tracking, calls },
      behaviour,
      url,
    );
  }

  clientSettings(): ClientSettings {
    return clientSettings(this.url);
  }

  async stop(): Promise<void> {
    const { moto, front, clock, engine, machines, notifier, tracking } = this.parts;
    clock.stop();
    await front.close();
    await engine.stop();
    for (const part of [machines, notifier, tracking]) part.destroy();
    await moto.stop();
  }

  /** A machine of a group is up: the time to start what stands in for what runs on it. Told again out of a warm pool. */
  onLaunch(watcher: (machine: Machine) => unknown): void {
    this.parts.engine.launchWatchers.push(watcher);
  }

  /** A machine of a group is down, however that came: ended or stopped. */
  onTerminate(watcher: (machine: Machine) => unknown): void {
    this.parts.engine.endWatchers.push(watcher);
  }

  /** All instances of a group and of its warm pool, the oldest first; none where there is no such group. */
  instances(group: string): InstanceOfGroup[] {
    return [...(this.parts.engine.groups.get(group)?.members.values() ?? [])].map((member) => ({
      id: member.id,
      state: member.state,
      zone: member.subnet.zone,
      instanceType: member.instanceType,
      isHealthy: member.isHealthy,
      isProtected: member.isProtected,
      isSpot: member.isSpot,
      templateVersion: member.template.version,
    }));
  }

  /** Resolves once nothing moves by itself: what waits for a hook may go on waiting. Throws what failed inside. */
  settled(limitSeconds?: number): Promise<void> {
    return this.parts.engine.settled(limitSeconds);
  }

  /** How often an action of Auto Scaling was called, throttled or not. */
  calls(action: string): number {
    return this.parts.calls.get(action) ?? 0;
  }

  /** EC2's notice to EventBridge, and after two emulated minutes the end of the machine. */
  async spotInterrupt(id: string): Promise<void> {
    const { group, member } = this.find(id);
    await this.parts.engine.interrupt(group, member);
  }

  /** EC2's recommendation to EventBridge. */
  async rebalance(id: string): Promise<void> {
    const { group, member } = this.find(id);
    await this.parts.engine.recommendRebalance(group, member);
  }

  /** The machine is gone at once, as by the console or a broken host. */
  async killMachine(id: string): Promise<void> {
    this.find(id);
    await this.parts.machines.end([id]);
    this.parts.engine.machinesLost([id], "terminated");
  }

  /** Its status checks fail for good; the machine still runs. */
  failInstance(id: string): void {
    const { group, member } = this.find(id);
    this.parts.engine.unhealthy(group, member, "an EC2 instance status checks failure.");
  }

  /** EC2 refuses the next so many instances; a group tries again every 30 emulated seconds. */
  failLaunches(count: number, reason = "We currently do not have sufficient capacity."): void {
    this.parts.engine.failLaunches(count, reason);
  }

  /** A schedule is due now, whatever its time. */
  runSchedule(groupName: string, name: string): void {
    const group = this.parts.engine.groups.get(groupName);
    const schedule = group?.schedules.get(name);
    if (!group || !schedule) throw new Error(`${groupName} has no schedule ${name}.`);
    this.parts.engine.runSchedule(group, schedule);
  }

  /** Policies of target tracking look at their metrics now, not only every emulated minute. */
  runPolicies(): Promise<void> {
    return this.parts.tracking.lookAtAll();
  }

  private find(id: string): { group: Group; member: Member } {
    for (const group of this.parts.engine.groups.values()) {
      const member = group.members.get(id);
      if (member) return { group, member };
    }
    throw new Error(`No group has the instance ${id}.`);
  }
}

const clientSettings = (endpoint: string): ClientSettings => ({
  region: REGION,
  endpoint,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  forcePathStyle: true,
});

const THROTTLED: Answer = {
  status: 400,
  body: renderError(new QueryError("Throttling", "Rate exceeded"), NAMESPACE),
};

/** In EC2's own form (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html). */
const NO_MORE_ADDRESSES: Answer = {
  status: 400,
  body:
    "<Response><Errors><Error><Code>AddressLimitExceeded</Code>" +
    "<Message>The maximum number of addresses has been reached.</Message></Error></Errors><RequestID>1</RequestID></Response>",
};

async function answerQuery(api: AutoScalingApi, action: string, form: URLSearchParams): Promise<Answer> {
  try {
    return {
      status: 200,
      body: renderAnswer(action, NAMESPACE, await api.call(action, parseParameters(form))),
    };
  } catch (error) {
    const refusal =
      error instanceof QueryError ? error : new QueryError("InternalFailure", String(error), 500);
    return { status: refusal.status, body: renderError(refusal, NAMESPACE) };
  }
}

/** moto takes an instance whose network interface was made before it to be in the region's first zone. */
async function withZone(machines: Machines, form: URLSearchParams): Promise<URLSearchParams | undefined> {
  const networkInterface = form.get("NetworkInterface.1.NetworkInterfaceId");
  if (form.get("Action") !== "RunInstances" || networkInterface === null) return undefined;
  const zone = await machines.zoneOf(networkInterface);
  return zone === undefined
    ? undefined
    : new URLSearchParams([...form, ["Placement.AvailabilityZone", zone]]);
}

/** Machines that a client of EC2 has ended or stopped by itself. */
function tellLost(engine: Engine, form: URLSearchParams): void {
  const how = { TerminateInstances: "terminated", StopInstances: "stopped" } as const;
  const action = form.get("Action");
  if (action !== "TerminateInstances" && action !== "StopInstances") return;
  const ids = [...form].filter(([name]) => name.startsWith("InstanceId.")).map(([, id]) => id);
  engine.machinesLost(ids, how[action]);
}

/** A token bucket of a second's size. */
class Throttle {
  private left = 1;
  private last = Date.now();

  constructor(private readonly perSecond: () => number) {}

  admits(): boolean {
    const rate = this.perSecond();
    if (rate === Infinity) return true;
    const now = Date.now();
    this.left = Math.min(this.left + ((now - this.last) / 1000) * rate, Math.max(rate, 1));
    this.last = now;
    if (this.left < 1) return false;
    this.left--;
    return true;
  }
}
