import * as pulumi from "@pulumi/pulumi";
import assert from "node:assert/strict";
import { RefusedError, Refusals, type Objection } from "../../../components/guard/refusals";

const objection = (about: string, more: Partial<Objection> = {}): Objection => ({
  about,
  reason: `Changing ${about} would cut calls`,
  remedy: `Drain ${about}`,
  ...more,
});

describe("a refusal", () => {
  const warned: string[] = [];
  const { warn } = pulumi.log;

  /** What is thrown, or "", and what is warned of. */
  async function refuse(objections: Objection[], { allowed = false, preview = false } = {}): Promise<string> {
    warned.length = 0;
    await pulumi.runtime.setMocks(
      { newResource: () => ({ id: "", state: {} }), call: () => ({}) },
      "p",
      "s",
      preview,
    );
    Object.assign(pulumi.log, { warn: (message: string) => Promise.resolve(void warned.push(message)) });
    try {
      new Refusals(allowed).refuse(objections);
      return "";
    } catch (error) {
      assert(error instanceof RefusedError && pulumi.RunError.isInstance(error));
      return error.message;
    } finally {
      Object.assign(pulumi.log, { warn });
    }
  }

  it("tells all that speaks against it at once, and how it would be allowed", async () => {
    assert.equal(
      await refuse([objection("s1"), objection("s2")]),
      "Changing s1 would cut calls. Drain s1.\nChanging s2 would cut calls. Drain s2.\n" +
        "To cut them all the same: pulumi config set allowCutCalls true",
    );
    assert.deepEqual(warned, []);
    assert.equal(await refuse([]), "");
  });

  it("is let through where that is allowed, and told; what cannot be done in place is not", async () => {
    assert.equal(await refuse([objection("s1")], { allowed: true }), "");
    assert.deepEqual(warned, ["Changing s1 would cut calls. Allowed by allowCutCalls."]);
    const never = objection("stack", { weight: "never" });
    assert.equal(
      await refuse([objection("s1"), never], { allowed: true }),
      "Changing stack would cut calls. Drain stack.",
    );
    assert(!(await refuse([never])).includes("allowCutCalls"));
  });

  it("is a warning in a preview, once for each that it is about", async () => {
    assert.equal(await refuse([objection("s1"), objection("s1"), objection("s2")], { preview: true }), "");
    assert.equal(warned.length, 2);
    assert.match(
      warned[0] ?? "",
      /^As things are now, this update would be refused\. Changing s1 would cut calls/,
    );
  });

  it("is none for what cannot be touched now", async () => {
    assert.equal(await refuse([objection("s1", { weight: "left" })]), "");
    assert.deepEqual(warned, ["Changing s1 would cut calls. Drain s1."]);
  });
});
