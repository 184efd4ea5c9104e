-- GET /health, as the official image's module of this name answers: 200 while no module reports an error, 500 when one
-- does, 403 to an address outside http_health_allow_ips and http_health_allow_cidr.
module:set_global();

local ip = require "util.ip";
local modulemanager = require "core.modulemanager";

local allowed_ips = module:get_option_set("http_health_allow_ips", { "127.0.0.1", "::1" });
local allowed_cidr = module:get_option_string("http_health_allow_cidr");

local function is_allowed(address)
	return allowed_ips:contains(address)
		or (allowed_cidr ~= nil and ip.match(ip.new_ip(address), ip.parse_cidr(allowed_cidr)));
end

local function has_errors()
	for host in pairs(prosody.hosts) do
		for _, loaded in pairs(modulemanager.get_modules(host)) do
			if loaded.module.status_type == "error" then
				return true;
			end
		end
	end
	return false;
end

module:depends("http");
module:provides("http", {
	route = {
		GET = function (event)
			if not is_allowed(event.request.ip) then
				return 403;
			end
			local failed = has_errors();
			return {
				status_code = failed and 500 or 200;
				headers = { content_type = "text/plain" };
				body = failed and "HAS ERRORS\n" or "OK\n";
			};
		end;
	};
});
