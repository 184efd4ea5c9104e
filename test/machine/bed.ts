import { ENDPOINT_TAG, machineKeys, POINTER_TAG } from "@jitsi-fleet/scaler";
import { USER_DATA } from "../../components/aws/machine/userData";
import { ensureImages } from "../standins/build";
import type { Metadata } from "../support/aws/metadata";
import { freePort } from "../support/freePort";
import type { Suite } from "./base";
import { BUCKET, FleetStore } from "./fleetStore";
import { MachineUnderTest, type Ended } from "./machineUnderTest";
import { Surroundings } from "./surroundings";

export const INSTANCE = "i-0123456789abcdef0";
export const PROGRAM = "/usr/local/sbin/jitsi-fleet";
/** A machine with all that it reaches. */
export class Bed {
  readonly machine: MachineUnderTest;
  store!: FleetStore;
  surroundings!: Surroundings;

  constructor(
    number: number,
    readonly name: string,
  ) {
    this.machine = new MachineUnderTest(number);
  }

  async start(suite: Suite, more: Partial<Metadata> = {}): Promise<void> {
    const { machine } = this;
    await machine.plugIn();
    this.store = new FleetStore(await freePort());
    await this.store.start();
    const tags: Record<string, string> = {
      [POINTER_TAG]: `s3://${BUCKET}/${machineKeys(this.name).pointer}`,
    };
    this.surroundings = new Surroundings(machine.gateway, this.store.url, {
      instance: INSTANCE,
      privateAddress: machine.address,
      tags,
      ...more,
    });
    await this.surroundings.start();
    tags[ENDPOINT_TAG] = this.surroundings.awsUrl;
    await machine.start(suite, this.surroundings);
  }

  async stop(): Promise<void> {
    await this.machine.stop();
    this.surroundings.stop();
    await this.store.stop();
  }

  /** What cloud-init runs at the first boot. */
  async runUserData(): Promise<void> {
    this.machine.write("var/tmp/user-data", USER_DATA);
    const { code, output } = await this.machine.run(["bash", "/var/tmp/user-data"]);
    if (code !== 0) throw new Error(output);
  }

  /** Its engine, with the stand-ins' images: what would be pulled, is there. */
  async installImages(): Promise<void> {
    await this.follow();
    await ensureImages([this.machine.socket]);
  }

  /** What the timer runs. */
  follow(): Promise<Ended> {
    return this.machine.run([PROGRAM], 300);
  }

  /** The same, as if what it waits for after a failure had passed. */
  async followAtOnce(): Promise<Ended> {
    await this.machine.run(["rm", "-f", "/run/jitsi-fleet/failed"]);
    return this.follow();
  }

  /** Of each container by its name: its id, and whether it runs. */
  async containers(): Promise<Record<string, string>> {
    const found = await this.machine.docker.listContainers({ all: true });
    return Object.fromEntries(
      found.map(({ Id, Names, State }) => [(Names[0] ?? "").slice(1), `${Id} ${State}`]),
    );
  }
}
