-- Stand-in for Jitsi's authentication by token: SASL ANONYMOUS is taken when the BOSH or websocket request carried
-- ?token=, a JWT signed with app_secret (HS256), issued by app_id and not expired.
local jwt = require "util.jwt";
local new_sasl = require "util.sasl".new;
local formdecode = require "util.http".formdecode;
local with_previous_name = module:require "standin_resumption";

local app_id = module:get_option_string("app_id");
local app_secret = module:get_option_string("app_secret");
local allow_empty = module:get_option_boolean("allow_empty_token", false);

local function token_of(request)
	local query = request.url and request.url.query;
	local params = query and formdecode(query);
	return type(params) == "table" and params.token or nil;
end

local function keep_token(event)
	event.session.standin_token = token_of(event.request);
end
module:hook_global("bosh-session", keep_token);
module:hook_global("websocket-session", keep_token);

local function is_valid(token)
	if not token then
		return allow_empty;
	end
	if not app_secret or app_secret == "" then
		return false;
	end
	local verified, claims = jwt.verify(app_secret, token);
	return verified == true
		and claims.iss == app_id
		and (claims.exp == nil or claims.exp > os.time());
end

local provider = {};
function provider.test_password() return nil, "there are no passwords here"; end
function provider.get_password() return nil; end
function provider.set_password() return nil, "there are no passwords here"; end
function provider.user_exists() return nil; end
function provider.create_user() return nil, "there are no accounts here"; end
function provider.delete_user() return nil, "there are no accounts here"; end

function provider.get_sasl_handler(session)
	if not is_valid(session.standin_token) then
		return new_sasl(module.host, {}); -- no mechanism: whatever the client tries is refused
	end
	return with_previous_name(session, new_sasl(module.host, { anonymous = function () return true; end }));
end

module:provides("auth", provider);
