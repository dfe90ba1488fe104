-- Puts tasks into their queues, for the engine that owns them. What is there already, or has ended and is on its way back, stays as it is.
--
-- KEYS  1 owner; then for each task: its state, its stream, the completions of its engine
-- ARGV  1 engine, 2 time to live of a state in ms; then for each task: attempt, task, tenant, group or nothing,
--       envelope, what goes with it or nothing
-- gives how many were put in, or -1 where another engine owns the prefix
local owner = redis.call('GET', KEYS[1])
if owner and cjson.decode(owner).engine ~= ARGV[1] then return -1 end

local function exists(stream, entry)
  return stream and entry and #redis.call('XRANGE', stream, entry, entry) > 0
end

local added = 0
for i = 0, (#ARGV - 2) / 6 - 1 do
  local state, stream, completions = KEYS[2 + i * 3], KEYS[3 + i * 3], KEYS[4 + i * 3]
  local attempt, task, tenant, group, envelope, inlined = unpack(ARGV, 3 + i * 6, 8 + i * 6)
  local known = redis.call('HMGET', state, 'attempt', 'stream', 'entry', 'done', 'completion')
  local current = tonumber(known[1])
  local is_later = current and current > tonumber(attempt)
  local is_here = current == tonumber(attempt)
    and (exists(known[2], known[3]) or (known[4] and exists(completions, known[5])))
  if not (is_later or is_here) then
    if current and current ~= tonumber(attempt) then redis.call('DEL', state) end
    local fields = { 'task_exec_id', task, 'tenant', tenant, 'engine', ARGV[1], 'attempt', attempt, 'envelope', envelope }
    if group ~= '' then
      fields[#fields + 1] = 'group'
      fields[#fields + 1] = group
    end
    if inlined ~= '' then
      fields[#fields + 1] = 'inlined'
      fields[#fields + 1] = inlined
    end
    local entry = redis.call('XADD', stream, '*', unpack(fields))
    redis.call('HSET', state, 'attempt', attempt, 'stream', stream, 'entry', entry)
    if current then redis.call('HDEL', state, 'worker', 'done', 'completion') end
    added = added + 1
  end
  redis.call('PEXPIRE', state, ARGV[2])
end
return added
