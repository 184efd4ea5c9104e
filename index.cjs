// What Pulumi runs: index.ts.
module.exports = require("./scripts/built.cjs").load("index.ts");
