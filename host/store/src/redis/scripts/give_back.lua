-- Gives tasks back that a worker has and will not run, to whoever comes first.
--
-- KEYS  for each task: its state, its stream
-- ARGV  1 worker; then for each task: entry, attempt, epoch
-- gives how many
local group = 'workers'
local given = 0
for i = 0, (#ARGV - 1) / 3 - 1 do
  local state, stream = KEYS[1 + i * 2], KEYS[2 + i * 2]
  local entry, attempt, epoch = ARGV[2 + i * 3], ARGV[3 + i * 3], ARGV[4 + i * 3]
  local known = redis.call('HMGET', state, 'worker', 'epoch', 'attempt')
  local found = redis.call('XRANGE', stream, entry, entry)[1]
  if known[1] == ARGV[1] and known[2] == epoch and known[3] == attempt and found then
    local again = redis.call('XADD', stream, '*', unpack(found[2]))
    redis.call('HSET', state, 'entry', again)
    redis.call('HDEL', state, 'worker')
    redis.call('XACK', stream, group, entry)
    redis.call('XDEL', stream, entry)
    given = given + 1
  end
end
return given
