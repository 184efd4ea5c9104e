-- GET /room-census, as the module of this name in the official image answers it (recorded: prosody_census*.http): the
-- rooms of the meeting MUC, Jicofo's health checks apart, and how many are in each. There the focus is in every room and
-- is not counted; here it joins none, so that whoever is in a room counts.
local json = require "util.json";

local muc_host = module:get_option_string("muc_mapper_domain_prefix", "conference") .. "." .. module.host;

local function census()
	local rooms = {};
	for room in prosody.hosts[muc_host].modules.muc.each_room() do
		if room.jid:sub(1, #"__jicofo-health-check") ~= "__jicofo-health-check" then
			local participants = 0;
			for _ in room:each_occupant() do
				participants = participants + 1;
			end
			rooms[#rooms + 1] = { room_name = room.jid; participants = participants; leaked = false };
		end
	end
	return rooms;
end

module:depends("http");
module:provides("http", {
	default_path = "/";
	route = {
		["GET room-census"] = function ()
			local rooms = census();
			return '{"room_census":' .. (#rooms > 0 and json.encode(rooms) or "[]") .. "}";
		end;
	};
});
