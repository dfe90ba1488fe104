-- Forgets what is stored for an execution, a slice at a time.
--
-- KEYS  1 the names of what is stored for it
-- ARGV  1 how many keys at most
-- gives whether something is left
--
-- The keys are made here from the names, each of which is what a key ends with. They share the hash tag.
local names = redis.call('LPOP', KEYS[1], ARGV[1])
if not names then return 0 end
local start = string.match(KEYS[1], '^.*:')
for i, name in ipairs(names) do names[i] = start .. name end
redis.call('DEL', unpack(names))
return redis.call('EXISTS', KEYS[1])
