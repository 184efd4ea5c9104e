import assert from "node:assert/strict";
import { metricsPage } from "../../../scaler/agent/metricsPage";

describe("the page of a host's instances", () => {
  const bridge = { component: "jvb", instance: "s1-bridges-1", shard: "s1" };
  const owner = `component="jvb",instance="s1-bridges-1",shard="s1"`;

  it("has each sample with whose it is, beside its own labels, and no types", () => {
    const text = [
      "# TYPE jitsi_jvb_stress gauge",
      "# HELP jitsi_jvb_stress How full it is { really }.",
      "jitsi_jvb_stress 0.25",
      'jitsi_jvb_conferences_by_audio_sender_bucket{le="1.0"} 3.0',
      'with_comma{le="1.0",} 3.0 1795379873627',
      "empty{} NaN",
      "# EOF",
    ].join("\n");
    assert.equal(
      metricsPage([{ labels: bridge, text }]),
      [
        `jitsi_fleet_instance_up{${owner}} 1`,
        `jitsi_jvb_stress{${owner}} 0.25`,
        `jitsi_jvb_conferences_by_audio_sender_bucket{${owner},le="1.0"} 3.0`,
        `with_comma{${owner},le="1.0"} 3.0 1795379873627`,
        `empty{${owner}} NaN`,
        "",
      ].join("\n"),
    );
  });

  it("says who did not answer, and nothing more of it", () => {
    assert.equal(
      metricsPage([
        { labels: bridge, text: undefined },
        { labels: { component: "jibri", instance: "jibris-1" }, text: "jitsi_jibri_recording 0.0\r\n" },
      ]),
      [
        `jitsi_fleet_instance_up{${owner}} 0`,
        `jitsi_fleet_instance_up{component="jibri",instance="jibris-1"} 1`,
        `jitsi_jibri_recording{component="jibri",instance="jibris-1"} 0.0`,
        "",
      ].join("\n"),
    );
  });
});
