-- Creates the service accounts at start. The passwords are read from the environment, so that none of them is in a
-- file, on a command line or in a log. As in the official image an account that exists keeps its password: a changed
-- one takes effect with a new data volume only.
module:set_global();

local usermanager = require "core.usermanager";

local function create(username, host, password)
	if not password or password == "" or not prosody.hosts[host] then
		return;
	end
	if usermanager.user_exists(username, host) then
		module:log("info", "%s@%s exists", username, host);
		return;
	end
	local created, reason = usermanager.create_user(username, password, host);
	if not created then
		module:log("error", "%s@%s: %s", username, host, tostring(reason));
	end
end

module:hook("server-started", function ()
	local auth_domain = os.getenv("XMPP_AUTH_DOMAIN");
	create("focus", auth_domain, os.getenv("JICOFO_AUTH_PASSWORD"));
	create(os.getenv("JVB_AUTH_USER"), auth_domain, os.getenv("JVB_AUTH_PASSWORD"));
	create(os.getenv("JIBRI_XMPP_USER"), auth_domain, os.getenv("JIBRI_XMPP_PASSWORD"));
	create(os.getenv("JIBRI_RECORDER_USER"), os.getenv("XMPP_HIDDEN_DOMAIN"), os.getenv("JIBRI_RECORDER_PASSWORD"));
end);
