/** Imported by tests of the engine: the first of them must not pay for building the Pulumi CLI within its own limit. */
import { buildLimitMs, pulumiCli } from "./cli";

before("the Pulumi CLI", async function () {
  this.timeout(buildLimitMs);
  await pulumiCli();
});
