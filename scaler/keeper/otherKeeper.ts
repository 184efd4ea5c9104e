import { FleetClient, type FleetAddress } from "../fleetClient";
import type { Challenges } from "./certificates/authority";
import type { CertificateNode } from "./certificates/serving";
import { heldSchema, type Held } from "./certificates/store";
import { viewSchema, type Instruction, type OtherKeeper, type View } from "./keeper";

const VIEW_LIMIT_SECONDS = 1;
const ASK_LIMIT_SECONDS = 5;
/** A commit may have thousands of sessions to end. */
const LIMIT_SECONDS = { hold: 2, commit: 15 };

/** Another node's keeper, over its API. */
export class RemoteKeeper implements OtherKeeper, CertificateNode {
  private readonly client: FleetClient;

  constructor(
    readonly node: string,
    address: Omit<FleetAddress, "called">,
  ) {
    this.client = new FleetClient({ ...address, called: `keeper ${node}` });
  }

  async view(asker: string): Promise<View> {
    const view = viewSchema.parse(
      JSON.parse(await this.client.call("GET", `/v1/view?asker=${asker}`, [200], VIEW_LIMIT_SECONDS)),
    );
    if (view.node !== this.node)
      throw new Error(`keeper ${this.node}: its address leads to that of ${view.node}`);
    return view;
  }

  async held(): Promise<Held> {
    return heldSchema.parse(
      JSON.parse(await this.client.call("GET", "/v1/certificate", [200], ASK_LIMIT_SECONDS)),
    );
  }

  async answer(challenges: Challenges): Promise<void> {
    await this.client.call("POST", "/v1/challenges", [204], ASK_LIMIT_SECONDS, JSON.stringify(challenges));
  }

  async instruct(instruction: Instruction): Promise<void> {
    const body = JSON.stringify(instruction);
    await this.client.call("POST", "/v1/instructions", [204], LIMIT_SECONDS[instruction.kind], body);
  }
}
