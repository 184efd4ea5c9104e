import assert from "node:assert/strict";
import { haproxyConfiguration } from "../../components/jitsi/haproxy";
import { parseSettings } from "../../components/settings";
import { goodSettings } from "./goodSettings";

describe("haproxy.cfg", () => {
  it("makes every key, that of a page's files too, before who has one may have to wait", () => {
    const web = { address: "10.213.0.11", port: 21001 };
    const text = haproxyConfiguration({
      ports: { http: 1, https: 2, handover: 3, peers: 4, metrics: 5 },
      publicHttpsPort: 443,
      certificate: "certificate.pem",
      routing: { map: "routing.map", script: "edge.lua" },
      socketDirectory: "/run",
      node: "edge-a",
      others: [],
      servers: [
        { name: "s1", number: 1, release: "r1", web },
        { name: "s2", number: 2, release: "r2", web },
      ],
      placedReleases: ["r2"],
      limits: parseSettings(goodSettings(), "test").edge.limits,
      proxyProtocolFrom: [],
      proxiedChecksFrom: [],
    });
    const lines = text.split("\n");
    const last = lines.findLastIndex((line) => line.includes("set-var(txn.key)"));
    assert.match(lines[last] ?? "", /referer/);
    assert(last < lines.findIndex((line) => line.includes("lua.hold")));
  });
});
