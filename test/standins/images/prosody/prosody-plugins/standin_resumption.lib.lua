-- Anonymous users get a name by chance at each login, but stream management resumes a session of the same user only.
-- As in the official image, ?previd= in the request for a websocket names the session to be resumed, and whoever logs
-- in on it gets the name that the session has.
local formdecode = require "util.http".formdecode;

local function keep_previous(event)
	local query = event.request.url and event.request.url.query;
	local params = query and formdecode(query);
	event.session.standin_previous = type(params) == "table" and params.previd or nil;
end
module:hook_global("websocket-session", keep_previous);

local function previous_name(session)
	for _, other in pairs(prosody.full_sessions) do
		if other.resumption_token == session.standin_previous and other.host == session.host then
			return other.username;
		end
	end
end

-- A handler of logins in whose place the anonymous user's own name is put.
return function (session, handler)
	local process = handler.process;
	function handler:process(message)
		local status, answer, text = process(self, message);
		if status == "success" and session.standin_previous then
			self.username = previous_name(session) or self.username;
		end
		return status, answer, text;
	end
	return handler;
end
