import * as pulumi from "@pulumi/pulumi";

/** Why an update or a destroy must not go on as things are. */
export interface Objection {
  /** What it is about: in a preview each is told of once. */
  readonly about: string;
  /** What would happen and why that must not be: `Changing s1 would cut calls: shard s1 holds 1 conference`. */
  readonly reason: string;
  /** What to do to be let through. */
  readonly remedy: string;
  /**
   * `cuts`, the default: refused unless `allowCutCalls` lets it through. `never`: it cannot be done in place, whatever is
   * allowed. `left`: nothing that it concerns can be touched now, so that it is told and no more.
   */
  readonly weight?: "cuts" | "never" | "left";
}

/** An update that is refused, with all that speaks against it. */
export class RefusedError extends pulumi.RunError {
  override readonly name = "RefusedError";
}

/** The one place where updates and destroys are refused: in a preview it is told what would be. */
export class Refusals {
  /** What was told in this run: a node and each of its containers would say the same. */
  private readonly told = new Set<string>();

  constructor(private readonly allowCutCalls: boolean) {}

  /** Throws a RefusedError with all objections. What is allowed, and in a preview everything, is told as a warning. */
  refuse(objections: readonly Objection[]): void {
    const isLet = ({ weight = "cuts" }: Objection): boolean =>
      weight === "left" || (weight === "cuts" && this.allowCutCalls);
    for (const objection of objections.filter(isLet))
      this.warn(
        objection.about,
        objection.weight === "left"
          ? `${objection.reason}. ${objection.remedy}.`
          : `${objection.reason}. Allowed by allowCutCalls.`,
      );
    const refused = objections.filter((objection) => !isLet(objection));
    if (refused.length > 0 && !pulumi.runtime.isDryRun()) throw new RefusedError(messageOf(refused));
    for (const objection of refused)
      this.warn(
        objection.about,
        `As things are now, this update would be refused. ${messageOf([objection])}`,
      );
  }

  private warn(about: string, message: string): void {
    if (this.told.has(about)) return;
    this.told.add(about);
    void pulumi.log.warn(message);
  }
}

function messageOf(refused: readonly Objection[]): string {
  const canBeAllowed = refused.every(({ weight = "cuts" }) => weight === "cuts");
  return [
    ...refused.map(({ reason, remedy }) => `${reason}. ${remedy}.`),
    ...(canBeAllowed ? ["To cut them all the same: pulumi config set allowCutCalls true"] : []),
  ].join(refused.length === 1 ? " " : "\n");
}
