-- GET /standin/census: the rooms of the meeting MUC and how many people are in each, for the Jicofo stand-in, whose
-- conferences and participants must be measured. People of the service domains (focus, recorder) do not count.
-- The web tier passes only BOSH and websocket on, so that this is reached on the private network alone.
module:set_global();

local jid = require "util.jid";
local json = require "util.json";

local muc_host = module:get_option_string("standin_census_muc");
local hidden = module:get_option_set("standin_census_hidden", {});

local function census()
	local rooms = {};
	local component = prosody.hosts[muc_host];
	if component and component.modules.muc then
		for room in component.modules.muc.live_rooms() do
			local participants = 0;
			for _, occupant in room:each_occupant() do
				if not hidden:contains(jid.host(occupant.bare_jid)) then
					participants = participants + 1;
				end
			end
			if participants > 0 then
				rooms[#rooms + 1] = { jid = room.jid; participants = participants };
			end
		end
	end
	return rooms;
end

module:depends("http");
module:provides("http", {
	default_path = "/standin/census";
	route = {
		GET = function ()
			local rooms = census();
			return {
				status_code = 200;
				headers = { content_type = "application/json" };
				body = '{"rooms":' .. (#rooms > 0 and json.encode(rooms) or "[]") .. "}";
			};
		end;
	};
});
