import assert from "node:assert/strict";
import fc from "fast-check";
import { awsName } from "../../../components/aws/names";

/** As Pulumi takes a stack's name. */
const stacks = fc.stringMatching(/^[A-Za-z0-9._-]{1,100}$/);

describe("names on AWS", () => {
  it("are the stack's as they are, where AWS takes them", () => {
    assert.equal(awsName("prod", "s1-bridges"), "jitsi-prod-s1-bridges");
  });

  it("are short and plain whatever the stack is called", () => {
    fc.assert(
      fc.property(stacks, (stack) => {
        assert.match(awsName(stack, "events-dead"), /^jitsi-[A-Za-z0-9-]{1,32}-events-dead$/);
      }),
    );
  });

  it("differ where stacks do", () => {
    fc.assert(
      fc.property(stacks, stacks, (one, other) => {
        fc.pre(one !== other);
        assert.notEqual(awsName(one, "fleet"), awsName(other, "fleet"));
      }),
    );
    assert.notEqual(awsName("a.b", "fleet"), awsName("a_b", "fleet"));
    assert.notEqual(awsName("x".repeat(40), "fleet"), awsName("x".repeat(41), "fleet"));
  });
});
