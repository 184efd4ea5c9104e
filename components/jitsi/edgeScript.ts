import { routingScript } from "./routingKey";

/** Name of the listener that no user reaches. */
export const HANDOVER_BIND = "handover";
/** Says on a request that another node could not route it. Believed at the handover's listener alone. */
export const HANDED_HEADER = "X-Jitsi-Fleet-Handed";

/** How long HAProxy keeps a request whose room may not be placed just now. Then it goes on: better late than never. */
const HOLD_SECONDS = 10;
/** After its start, when no keeper has come to say how the shards are, HAProxy goes by the settings. */
const ALONE_SECONDS = 15;

/** A keeper that is silent for so long is gone. Below the time after which the other nodes go on without this one. */
const LEASE_SECONDS = 3;

export interface EdgeScriptArgs {
  /** File of `shard state` lines, by which a node without a keeper goes. */
  readonly statesFile: string;
  /** Loopback port at which the process after this one takes requests over. */
  readonly handoverPort: number;
  /** Whether there are other nodes, with which this one must not disagree. */
  readonly hasOthers: boolean;
}

/** The keeper gives a server of the gate another weight each time that it looks. */
const LEASE = `
    core.register_task(function()
        core.sleep(${ALONE_SECONDS})
        local weight, silent_seconds = nil, 0
        while true do
            local gate = core.backends["gate"].servers
            local now = gate["always"]:get_weight()
            if now == weight then silent_seconds = silent_seconds + 0.5 else silent_seconds = 0 end
            weight = now
            local is_closed = gate["lease"]:get_stats()["status"] ~= "MAINT"
            if silent_seconds > ${LEASE_SECONDS} and not is_closed then gate["lease"]:set_ready() end
            if silent_seconds == 0 and is_closed then gate["lease"]:set_maint() end
            core.msleep(500)
        end
    end)
`;

/**
 * The Lua that HAProxy runs for the few requests that its configuration cannot decide alone. None of it is on the way
 * of a plain request while all is well.
 *
 * - `room_key`: routingKey.ts.
 * - `hold`: while a gate is closed, a request waits: all of them while the process is fresh, those of a shard that is
 *   just being taken out or back, and those whose room has no shard yet. So nodes that differ for a moment on which
 *   shards there are never decide by it.
 *   A room on a shard that this node does not know yet, since it was away when that came, goes to a node that does; where
 *   that one knows it no more, since the shard is gone, the room waits there and is placed anew.
 * - `hand_over`: whether there is a process after this one. A process that was reloaded no longer hears of changes: what
 *   still reaches it on connections kept alive goes to its successor.
 * - Without a keeper at its start, the process opens its gates itself.
 * - Where there are other nodes, they go on without one whose keeper is gone: it closes a gate before they do.
 */
export function edgeScript({ handoverPort, hasOthers, statesFile }: EdgeScriptArgs): string {
  return `${routingScript()}
local function is_closed(txn, gate)
    if core.backends["gate"].servers[gate] == nil then return false end
    local is_up = txn.f:srv_is_up("gate/" .. gate)
    -- A number before HAProxy 3.1, and in Lua 0 is true.
    return is_up == true or is_up == 1
end

-- The gate of the shard that a room is on, and whether this node knows that shard. None: the room is on none yet.
local function gate_of(txn)
    local id = txn.c:table_server_id(txn:get_var("txn.key"), "rooms")
    if id == nil or id == 0 then return nil, false end
    local gate = "shard-" .. tostring(id)
    return gate, core.backends["gate"].servers[gate] ~= nil
end

-- Another node could not route it either: it must not go round and round.
local function was_handed(txn)
    return txn.f:so_name() == "${HANDOVER_BIND}" and txn.sf:req_hdr("${HANDED_HEADER}") ~= ""
end

-- Nothing to wait for: this node has a configuration of before the shard that the room is on.
local function is_elsewhere(txn)
    local gate, is_known = gate_of(txn)
    if gate == nil or is_known or not is_closed(txn, "foreign") or was_handed(txn) then return false end
    return core.backends["elsewhere"] ~= nil and txn.f:nbsrv("elsewhere") > 0
end

local function may_pass(txn)
    if is_closed(txn, "fresh") then return false end
    local gate, is_known = gate_of(txn)
    return is_known and not is_closed(txn, gate)
end

core.register_action("hold", { "http-req" }, function(txn)
    local waited = 0
    while waited < ${HOLD_SECONDS * 1000} do
        if is_elsewhere(txn) then return txn:set_var("txn.elsewhere", true) end
        local open = is_closed(txn, "foreign") and 2 or 1
        if txn.f:nbsrv("gate") <= open or may_pass(txn) then return end
        local pause = math.random(20, 60)
        core.msleep(pause)
        waited = waited + pause
    end
end, 0)

core.register_action("hand_over", { "http-req" }, function(txn)
    local socket = core.tcp()
    socket:settimeout(1)
    if socket:connect("127.0.0.1", ${handoverPort}) then txn:set_var("txn.handover", true) end
    socket:close()
end, 0)

local function keeper_came(gate)
    return gate["fresh"]:get_stats()["status"] == "MAINT"
end

local function go_by_settings()
    local states = io.open("${statesFile}", "r")
    for line in (states and states:lines() or function() end) do
        local shard, state = line:match("^(%S+) (%S+)$")
        for name, backend in pairs(core.backends) do
            local server = name ~= "gate" and shard and backend.servers[shard]
            if server and state == "drain" then server:set_drain() end
            if server and state == "maint" then server:set_maint() end
        end
    end
    if states then states:close() end
end

-- Each thread loads this file; one of them is enough.
if core.thread == nil or core.thread <= 1 then
    core.register_task(function()
        core.sleep(${ALONE_SECONDS})
        local gate = core.backends["gate"].servers
        if keeper_came(gate) then return end
        core.Warning("no keeper came within ${ALONE_SECONDS} s: the shards are as the settings say")
        go_by_settings()
        gate["fresh"]:set_maint()
        gate["learning"]:set_maint()
    end)
${hasOthers ? LEASE : ""}end
`;
}
