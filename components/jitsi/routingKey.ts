import { foldScript } from "./unicodeFold";

/**
 * One key for every request of a room, `tenant/room` or `/room`: folded as in unicodeFold.ts, without the characters
 * that the client takes out of a path, with every layer of percent encoding undone, cut at 255 bytes (what a stick
 * table of `len 256` keeps, so that what is hashed is what sticks).
 *
 * Which part of a request names the room is read as the shard's nginx reads it: it decodes a path once, merges
 * slashes, resolves dots and takes leading directories away until a location fits. So the tenant is the directory
 * just before the room, also where both are in one encoded name; a page's room is in its path whatever its query
 * says; and of `room=` the first counts.
 *
 * Almost all requests are plain: ASCII, nothing encoded. One regular expression settles those; the rest go to a Lua
 * action that knows all of it. On plain requests the two say the same, which the tests hold them to.
 */

/** Calls that name their room in the query, as paths below an optional tenant. */
const CALLS = [
  "http-bind",
  "xmpp-websocket",
  "config.js",
  "_unlock",
  "conference-request/v1",
  "_api/room-info",
];
/** nginx takes anything that begins so, after a tenant, for these calls. */
const CALL_PREFIXES = ["http-bind", "xmpp-websocket"];
/** Directories of the application, the same on every shard. */
const DIRECTORIES = [
  "libs",
  "css",
  "static",
  "images",
  "fonts",
  "lang",
  "sounds",
  "connection_optimization",
  "transcripts",
  ".well-known",
];
/** Files of the application below no directory of it. */
const FILES = [
  "interface_config.js",
  "external_api.js",
  "manifest.json",
  "pwa-worker.js",
  "robots.txt",
  "favicon.ico",
  "favicon.svg",
  "favicon.png",
];
/** What a shard says of itself, for the fleet's own parts alone, in any case. */
const HIDDEN_FILES = ["_health", "_rooms", "_stats"];
const HIDDEN = `(?:${HIDDEN_FILES.join("|")})`;
const HIDDEN_PART = `(?i:${HIDDEN})(?:[/?]|$)`;
/** Of a stick table's `len 256` the last byte is a terminator. */
const KEY_BYTES = 255;

/** One part of a plain path. What begins with a dot may have to be resolved. */
const PLAIN = String.raw`[\w~-][\w.~-]*`;

/** Files beside the configuration that its rules read. */
export interface RoutingFiles {
  readonly map: string;
  readonly script: string;
}

const any = (names: readonly string[]): string =>
  `(?:${names.map((name) => name.replaceAll(".", String.raw`\.`)).join("|")})`;

/** The key of a plain path and query, as HAProxy makes it of what has them. */
export const plainKey = (pathAndQuery: string, map: string): string =>
  `${pathAndQuery},map_regm(${map}),lower,bytes(0,${KEY_BYTES})`;

/** The rule that sets `txn.tenant` where a room has one, for who needs it: after {@link routingRules}. */
export const tenantRule =
  "http-request set-var(txn.tenant) var(txn.key),field(1,/) if { var(txn.key) -m found } !{ var(txn.key) -m beg / }";

/**
 * Rules of a frontend that set `txn.key` where a request is of a room. They refuse to show what shards say of
 * themselves, and requests for no path. They need the map and the script, and {@link routingGlobals}.
 */
export function routingRules({ map }: Pick<RoutingFiles, "map">): string[] {
  const asset = `^/(?:${any(DIRECTORIES)}(?:/(?!${HIDDEN_PART})${PLAIN})+|${any(FILES)})?$`;
  return [
    `http-request set-var(txn.key) ${plainKey("pathq", map)}`,
    `http-request lua.room_key if !{ var(txn.key) -m found } !{ path -m reg '${asset}' }`,
  ];
}

/** The keys of plain requests: one regular expression, for `map_regm`. */
export function routingMap(): string {
  const noTenant = `(?!${any([...DIRECTORIES, ...CALLS.map((call) => call.split("/", 1).join(""))])}/|${HIDDEN_PART})`;
  const noRoom = `(?!${any([...CALLS, ...FILES])}(?:[?]|$)|${HIDDEN_PART}|(?(1)${any(CALL_PREFIXES)}|(?!)))`;
  const otherParameters = "(?:(?!(?i:room)=)[^&#]*+&)*+";
  const call = String.raw`${any(CALLS)}[?]${otherParameters}(?i:room)=(${PLAIN})(?:[&#]|$)`;
  const page = `${noRoom}(${PLAIN})(?:[?]|$)`;
  return String.raw`^/(?:${noTenant}(${PLAIN})/)?(?:${call}|${page}) \1/\2\3` + "\n";
}

/** Lines of the global section that load the script from a file beside the configuration. */
export function routingGlobals({ script }: Pick<RoutingFiles, "script">): string[] {
  return [
    // HAProxy asks for a choice since 3.1, and earlier ones do not know the word. The script reads no booleans.
    ".if version_atleast(3.1)",
    "tune.lua.bool-sample-conversion normal",
    ".endif",
    `lua-load-per-thread ${script}`,
  ];
}

/** Lua that the rules call: 5.3 and later. */
export function routingScript(): string {
  const set = (names: readonly string[]): string =>
    `{ ${names.map((name) => `["${name}"] = true`).join(", ")} }`;
  return `${foldScript()}
local KEY_BYTES = ${KEY_BYTES}
local CALLS = ${set(CALLS)}
local CALL_PREFIXES = { ${CALL_PREFIXES.map((prefix) => `"${prefix}"`).join(", ")} }
local DIRECTORIES = ${set(DIRECTORIES)}
local FILES = ${set(FILES)}
local HIDDEN = ${set(HIDDEN_FILES)}

-- The characters of two hexadecimal digits, in either case.
local characters = {}
for value = 0, 255 do
  for _, form in ipairs({ "%02x", "%02X" }) do
    local digits = form:format(value)
    characters[digits] = string.char(value)
    characters[digits:sub(1, 1):upper() .. digits:sub(2):lower()] = string.char(value)
    characters[digits:sub(1, 1):lower() .. digits:sub(2):upper()] = string.char(value)
  end
end

local function decodedOnce(text)
  return (text:gsub("%%(%x%x)", characters))
end

-- Undoes percent encoding until none is left. What is encoded deeper than clients do takes one pass, however deep.
local function decoded(text)
  for _ = 1, 3 do
    if not text:find("%%%x%x") then return text end
    text = decodedOnce(text)
  end
  local out, size = {}, 0
  for at = 1, #text do
    size = size + 1
    out[size] = text:sub(at, at)
    while size > 2 and out[size - 2] == "%" do
      local character = characters[out[size - 1] .. out[size]]
      if not character then break end
      size = size - 2
      out[size] = character
    end
  end
  return table.concat(out, "", 1, size)
end

-- Folding may bring new percent signs, and taking characters out may join what they parted.
local function folded(text)
  local before
  repeat
    before = text
    text = foldUnicode(decoded(text):lower()):gsub("[%c :?#%[%]@!$&'()*+,;=><\\"]", "")
  until text == before
  return text
end

-- The parts of a path, the last one empty where it names a directory.
local function partsOf(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  if path:find("/%.?%.?$") then parts[#parts + 1] = "" end
  return parts
end

-- The first room= of a query, if it is not empty.
local function roomIn(query)
  for name, value in query:gmatch("([^&=]*)=([^&]*)") do
    if name:lower() == "room" then return value ~= "" and value or nil end
  end
end

local function beginsLikeCall(part)
  for _, prefix in ipairs(CALL_PREFIXES) do
    if part and part:sub(1, #prefix) == prefix then return true end
  end
end

-- Tenant and room of a request as they are written, and whether it asks for what is hidden. No room is nil.
local function tenantAndRoom(path, query)
  local parts = partsOf(decodedOnce(path:gsub("/+$", "")))
  for _, part in ipairs(parts) do
    if HIDDEN[part:lower()] then return "", nil, true end
  end
  for first, part in ipairs(parts) do
    local tenant = parts[first - 1] or ""
    if first < #parts and DIRECTORIES[part] then return tenant, nil end
    local rest = first == #parts and part or first == #parts - 1 and part .. "/" .. parts[#parts]
    if CALLS[rest] then return tenant, roomIn(query) end
    if beginsLikeCall(parts[first + 1]) then return part, roomIn(query) end
    if first == #parts then return tenant, not FILES[part] and part or nil end
  end
  return "", nil
end

core.register_action("room_key", { "http-req" }, function(txn)
  local path, query = txn.sf:pathq():gsub("#.*", ""):match("^([^?]*)%??(.*)$")
  -- CONNECT, or OPTIONS of the server as a whole.
  if path:sub(1, 1) ~= "/" then return txn:done(txn:reply({ status = 400 })) end
  local tenant, room, hidden = tenantAndRoom(path, query)
  if hidden then return txn:done(txn:reply({ status = 404 })) end
  local parts = partsOf(folded(tenant .. "/" .. (room or "x")))
  local name, owner = parts[#parts] or "", parts[#parts - 1] or ""
  if owner ~= "" then txn:set_var("txn.tenant", owner:sub(1, KEY_BYTES)) end
  if room then txn:set_var("txn.key", (owner .. "/" .. name):sub(1, KEY_BYTES)) end
end)
`;
}
