import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { goodAwsSettings } from "../goodSettings";

/** A resource as the program declares it, with what the engine is told beside its inputs. */
export interface Declared {
  readonly type: string;
  readonly name: string;
  /** Its parent's name. */
  readonly parent: string;
  /** A secret is `{ secret: … }`. */
  inputs: Record<string, unknown>;
  readonly ignoreChanges: readonly string[];
  /** Each as `<types> <name>`. */
  readonly dependsOn: readonly string[];
  readonly deleteBeforeReplace: boolean;
  /** Whatever the provider would do: of what has a name, it deletes the old one first. */
  readonly createBeforeReplace: boolean;
  readonly retainOnDelete: boolean;
  readonly hooks: Readonly<
    Record<"beforeUpdate" | "afterUpdate" | "afterCreate" | "beforeDelete", readonly string[]>
  >;
}

/** Policy that bounds the roles of the fleet. */
export const boundary = "arn:aws:iam::123456789012:policy/boundary";

/** With all that settings can add to a fleet. */
export function wholeSettings(): Record<string, unknown> {
  const good = goodAwsSettings();
  return {
    ...good,
    auth: { type: "jwt", appId: "school", appSecret: "secret-of-the-tokens" },
    tags: { owner: "it" },
    recordings: { stream: true },
    images: { registries: [{ host: "ghcr.io", username: "puller", password: "secret-of-the-registry" }] },
    monitoring: { type: "cloudwatch" },
    aws: {
      ...(good["aws"] as object),
      image: { id: "ami-0a1b2c3d4e5f60718", baked: true },
      flowLogs: true,
      permissionsBoundary: boundary,
      schedules: [{ name: "morning", cron: "30 6 * * 1-5", bridgesMin: 4 }],
      alarms: { email: "it@school.net" },
    },
  };
}

let whole: Promise<DeclaredFleet> | undefined;

/** What the program declares for a fleet on AWS. Every secret that it makes begins with `secret-`. */
export class DeclaredFleet {
  private constructor(readonly resources: readonly Declared[]) {}

  /** A fleet of two shards, declared once for all tests. */
  static whole(): Promise<DeclaredFleet> {
    whole ??= DeclaredFleet.of(wholeSettings());
    return whole;
  }

  /** What is declared with these settings. */
  static async of(settings: Record<string, unknown>, stack = "prod"): Promise<DeclaredFleet> {
    const directory = await mkdtemp(join(tmpdir(), "declared-"));
    const file = join(directory, "declared.json");
    try {
      const argv = ["scripts/built.cjs", "test/unit/aws/declare.ts", JSON.stringify(settings), file, stack];
      const { stderr } = await promisify(execFile)(process.execPath, argv);
      const text = await readFile(file, "utf8").catch(() => "");
      if (text === "") throw new Error(`nothing was declared: ${stderr}`);
      return new DeclaredFleet(JSON.parse(text) as Declared[]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  /** Those of a type, by its last part: `Group`. */
  all(type: string): readonly Declared[] {
    return this.resources.filter((resource) => resource.type.split(":").at(-1) === type);
  }

  one(type: string, name: string): Declared {
    const found = this.all(type).find((resource) => resource.name === name);
    if (!found) throw new Error(`no ${type} is called ${name}`);
    return found;
  }
}
