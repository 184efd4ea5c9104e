import * as pulumi from "@pulumi/pulumi";
import type { LookedUpFiles } from "../platform";
import { xmppDomains } from "./xmppDomains";

/** Prosody's directory for modules that are not the image's own. */
export const PLUGINS = "prosody-plugins-custom";
export const ACCOUNTS_MODULE = "fleet_accounts";

const DIRECTORY = "/fleet-accounts";
const FILE = "accounts.json";

/** Where Prosody finds who opens rooms: passwords by name. */
export function accountsFiles(accounts: pulumi.Input<Readonly<Record<string, string>>>): LookedUpFiles {
  return { directory: DIRECTORY, files: { [FILE]: pulumi.secret(pulumi.jsonStringify(accounts)) } };
}

const CHECK_SECONDS = 1;
/** Hashing a password takes some milliseconds, in which Prosody does nothing else. */
const ACCOUNTS_AT_ONCE = 5;

/**
 * A module of Prosody's that keeps its accounts as the file says, while it runs. It asks the host's provider and tells
 * nobody else: who is in a room stays there, also when the account is gone or has another password.
 */
export const accountsModule = (): string => `module:set_global();

local json = require "util.json";
local saslprep = require "util.encodings".stringprep.saslprep;

local host = "${xmppDomains.XMPP_DOMAIN}";
local path = "${DIRECTORY}/current/${FILE}";
-- Passwords by name, as they are in force; nil where that is not known.
local known, read_last, waiting = {}, nil, {};

local function read()
	local file = io.open(path);
	if not file then return nil; end
	local text = file:read("*a");
	file:close();
	return text;
end

local function plan(accounts, users)
	local names = {};
	for name in users.users() do
		if accounts[name] == nil then names[#names + 1] = name; end
	end
	for name, password in pairs(accounts) do
		if known[name] ~= password then names[#names + 1] = name; end
	end
	return names;
end

local function bring(name, password, users)
	local done, reason;
	if password == nil then
		done, reason = users.delete_user(name);
	elseif users.user_exists(name) then
		done, reason = users.set_password(name, saslprep(password) or password);
	else
		done, reason = users.create_user(name, saslprep(password) or password);
	end
	known[name] = done and password or nil;
	-- Tried again at the next look.
	if not done then read_last = nil; end
	module:log(done and "info" or "error", "account %s: %s", name,
		done and (password == nil and "removed" or "in force") or tostring(reason));
end

local accounts = {};
local function look()
	local users = prosody.hosts[host] and prosody.hosts[host].users;
	local text = read();
	if not users or not users.users or text == nil then return ${CHECK_SECONDS}; end
	if text ~= read_last then
		local parsed = json.decode(text);
		if type(parsed) ~= "table" then
			module:log("error", "%s is no JSON object", path);
			return ${CHECK_SECONDS};
		end
		accounts, read_last = parsed, text;
		waiting = plan(accounts, users);
	end
	for _ = 1, math.min(#waiting, ${ACCOUNTS_AT_ONCE}) do
		local name = table.remove(waiting);
		bring(name, accounts[name], users);
	end
	return #waiting > 0 and 0.1 or ${CHECK_SECONDS};
end

module:add_timer(0.1, look);
`;
