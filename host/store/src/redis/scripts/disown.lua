-- Gives a prefix back, where it is that engine's.
--
-- KEYS  1 owner
-- ARGV  1 engine
-- gives how many owners there are fewer
local owner = redis.call('GET', KEYS[1])
if not owner or cjson.decode(owner).engine ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
