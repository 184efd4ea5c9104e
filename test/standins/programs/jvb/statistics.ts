import type { ControlledState } from "../httpServer";

/** What the bridge carries, and how it lies about it: set by tests at /test/state. */
export interface BridgeLoad extends ControlledState {
  /** People whose media this bridge carries. */
  participants: number;
  conferences: number;
  /** Endpoints of other bridges, seen through relays; the statistics count them among the participants. */
  octoEndpoints: number;
  octoConferences: number;
  visitors: number;
  stress: number;
  bitRateDownloadKbps: number;
  bitRateUploadKbps: number;
  /** Packets per second. */
  packetRateDownload: number;
  packetRateUpload: number;
  /** Statistics and presence stay what they are, timestamp included. */
  statisticsFrozen: boolean;
  /** Statistics and presence deny any load, with a fresh timestamp. */
  statisticsZero: boolean;
  /** `/colibri/stats` answers 500; the presence goes on. */
  statisticsRefused: boolean;
  /** Null: healthy. */
  unhealthyReason: string | null;
}

export interface Shutdown {
  graceful: boolean;
  shuttingDown: boolean;
}

export interface MucCounts {
  clientsConfigured: number;
  clientsConnected: number;
  mucsConfigured: number;
  mucsJoined: number;
}

/** What is refreshed at intervals only, as the real bridge does it: participants every 5 s, stress every 10 s. */
export interface Sampled {
  participants: number;
  octoEndpoints: number;
  stress: number;
}

export interface Totals {
  conferencesCreated: number;
  conferencesCompleted: number;
  participants: number;
}

export interface Identity {
  /** Undefined without relays (`ENABLE_OCTO`), and then not told. */
  relayId: string | undefined;
  region: string | undefined;
  version: string;
}

export const initialLoad: BridgeLoad = {
  participants: 0,
  conferences: 0,
  octoEndpoints: 0,
  octoConferences: 0,
  visitors: 0,
  stress: 0.05,
  bitRateDownloadKbps: 0,
  bitRateUploadKbps: 0,
  packetRateDownload: 0,
  packetRateUpload: 0,
  statisticsFrozen: false,
  statisticsZero: false,
  statisticsRefused: false,
  unhealthyReason: null,
};

const noLoad = {
  participants: 0,
  conferences: 0,
  octoEndpoints: 0,
  octoConferences: 0,
  visitors: 0,
  stress: 0,
  bitRateDownloadKbps: 0,
  bitRateUploadKbps: 0,
  packetRateDownload: 0,
  packetRateUpload: 0,
};

export type Statistics = Record<string, number | boolean | string>;

/** The members of `/colibri/stats`, in the recorded order. */
export function statistics(
  trueLoad: BridgeLoad,
  trueSamples: Sampled,
  totals: Totals,
  mucs: MucCounts,
  shutdown: Shutdown,
  drain: boolean,
  identity: Identity,
): Statistics {
  const load = trueLoad.statisticsZero ? { ...trueLoad, ...noLoad } : trueLoad;
  const samples = trueLoad.statisticsZero ? { participants: 0, octoEndpoints: 0, stress: 0 } : trueSamples;
  const endpoints = samples.participants + samples.octoEndpoints;
  const largestConference =
    load.conferences === 0 ? 0 : Math.ceil((load.participants + load.octoEndpoints) / load.conferences);
  const sending = load.bitRateDownloadKbps > 0;
  return {
    incoming_loss: 0,
    outgoing_loss: 0,
    overall_loss: 0,
    endpoints_with_high_outgoing_loss: 0,
    tcc_unmatched_feedback: 0,
    local_active_endpoints: sending ? load.participants : 0,
    bit_rate_download: load.bitRateDownloadKbps,
    bit_rate_upload: load.bitRateUploadKbps,
    packet_rate_download: load.packetRateDownload,
    packet_rate_upload: load.packetRateUpload,
    rtt_aggregate: 0,
    num_eps_oversending: 0,
    octo_conferences: load.octoConferences,
    inactive_conferences: sending ? 0 : load.conferences,
    p2p_conferences: 0,
    endpoints,
    participants: endpoints,
    receive_only_endpoints: 0,
    inactive_endpoints: sending ? 0 : endpoints,
    octo_endpoints: samples.octoEndpoints,
    endpoints_sending_audio: sending ? samples.participants : 0,
    endpoints_sending_video: sending ? samples.participants : 0,
    largest_conference: largestConference,
    octo_receive_bitrate: 0,
    octo_receive_packet_rate: 0,
    octo_send_bitrate: 0,
    octo_send_packet_rate: 0,
    endpoints_with_suspended_sources: 0,
    total_conferences_created: totals.conferencesCreated,
    total_conferences_completed: totals.conferencesCompleted,
    total_conference_seconds: 0,
    total_participants: totals.participants,
    total_visitors: 0,
    num_eps_no_msg_transport_after_delay: 0,
    total_relays: 0,
    num_relays_no_msg_transport_after_delay: 0,
    total_keyframes_received: 0,
    total_layering_changes_received: 0,
    total_video_stream_milliseconds_received: 0,
    stress_level: samples.stress,
    conferences: load.conferences,
    visitors: load.visitors,
    local_endpoints: load.participants,
    total_data_channel_messages_received: 0,
    total_data_channel_messages_sent: 0,
    total_colibri_web_socket_messages_received: 0,
    total_colibri_web_socket_messages_sent: 0,
    total_bytes_received: 0,
    endpoints_ice_failed: 0,
    dtls_failed_endpoints: 0,
    relays_ice_failed: 0,
    dtls_failed_relays: 0,
    total_bytes_sent: 0,
    total_packets_received: 0,
    total_packets_sent: 0,
    total_bytes_received_octo: 0,
    total_bytes_sent_octo: 0,
    total_packets_received_octo: 0,
    total_packets_sent_octo: 0,
    total_dominant_speaker_changes: 0,
    preemptive_kfr_sent: 0,
    preemptive_kfr_suppressed: 0,
    total_ice_failed: 0,
    total_ice_succeeded: 0,
    total_ice_succeeded_relayed: 0,
    average_participant_stress: 0.01,
    threads: 40,
    graceful_shutdown: shutdown.graceful,
    shutting_down: shutdown.shuttingDown,
    drain,
    // The real one prints UTC without saying so.
    current_timestamp: new Date().toISOString().replace("T", " ").replace("Z", ""),
    ...(identity.relayId === undefined ? {} : { relay_id: identity.relayId }),
    muc_clients_configured: mucs.clientsConfigured,
    muc_clients_connected: mucs.clientsConnected,
    mucs_configured: mucs.mucsConfigured,
    mucs_joined: mucs.mucsJoined,
    endpoints_with_spurious_remb: 0,
    healthy: trueLoad.unhealthyReason === null,
    endpoints_disconnected: 0,
    endpoints_reconnected: 0,
    version: identity.version,
    ...(identity.region === undefined ? {} : { region: identity.region }),
  };
}
