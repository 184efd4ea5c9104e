import { above, below, counter, flag, gauge, MINUTE, on, ticket, type Metric } from "../metric";

const [number, growing, yesOrNo] = [gauge("jibri"), counter("jibri"), flag("jibri")];

/** What a Jibri says of itself. */
export const jibri = {
  jibri_healthy: yesOrNo("jitsi_jibri_healthy", "1 while a Jibri finds itself well.", {
    dimensions: [[]],
    panels: [on("recordings", "Well", "instance")],
    alarms: [ticket("jibri-unhealthy", below(1), "instance", 5 * MINUTE)],
  }),
  jibris_recording: number("jitsi_jibri_recording", "Jibris that record or stream.", {
    panels: [on("recordings", "At work")],
  }),
  jibri_started: growing("jitsi_jibri_sessions_started_total", "Recordings and streams that began.", {
    dimensions: [[]],
    panels: [on("recordings", "Begun and ended")],
  }),
  jibri_stopped: growing("jitsi_jibri_sessions_stopped_total", "Recordings and streams that ended.", {
    panels: [on("recordings", "Begun and ended")],
  }),
  jibri_errors: growing("jitsi_jibri_errors_total", "Errors of Jibris.", {
    dimensions: [[]],
    panels: [on("recordings", "Errors", "instance")],
    alarms: [ticket("jibri-error", above(0), "instance", 5 * MINUTE)],
  }),
  jibri_refusals: growing("jitsi_jibri_busy_total", "Requests that came to a Jibri at work.", {
    panels: [on("recordings", "Errors", "instance")],
  }),
} satisfies Record<string, Metric>;
