-- Stand-in for Jitsi's authentication of this name: everybody is taken, and gets a new name unless a session is resumed.
local new_sasl = require "util.sasl".new;
local with_previous_name = module:require "standin_resumption";

local provider = {};
function provider.test_password() return nil, "there are no passwords here"; end
function provider.get_password() return nil; end
function provider.set_password() return nil, "there are no passwords here"; end
function provider.user_exists() return nil; end
function provider.create_user() return nil, "there are no accounts here"; end
function provider.delete_user() return nil, "there are no accounts here"; end

function provider.get_sasl_handler(session)
	return with_previous_name(session, new_sasl(module.host, { anonymous = function () return true; end }));
end

module:provides("auth", provider);
