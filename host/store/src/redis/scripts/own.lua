-- Takes or renews the ownership of a prefix for an engine.
--
-- KEYS  1 owner
-- ARGV  1 engine, 2 who it is, as JSON with a member `engine`, 3 for how long, in ms
-- gives { whether it is the owner, who is, whether it was not before, why nothing can be written, or nothing }
--
-- A server without memory denies `SET` and not `PEXPIRE`: it keeps its owner. In this order, for after its first write a script is denied nothing.
local owner = redis.call('GET', KEYS[1])
if owner and cjson.decode(owner).engine ~= ARGV[1] then return { 0, owner, 0, '' } end
if not owner then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return { 1, ARGV[2], 1, '' }
end
local set = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if set.err then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return { 1, owner, 0, set.err or '' }
