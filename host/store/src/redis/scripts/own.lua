-- Takes or renews the ownership of a prefix for an engine.
--
-- KEYS  1 owner
-- ARGV  1 engine, 2 who it is, as JSON with a member `engine`, 3 for how long, in ms
-- gives { whether it is the owner, who is, whether it was not before }
local owner = redis.call('GET', KEYS[1])
if owner and cjson.decode(owner).engine ~= ARGV[1] then return { 0, owner, 0 } end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return { 1, ARGV[2], owner and 0 or 1 }
