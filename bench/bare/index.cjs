// Started as the fleet's own program is, so that the two differ in what they declare alone.
module.exports = require("../../scripts/built.cjs").load("bench/bare/index.ts");
