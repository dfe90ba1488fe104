-- Ends tasks: one that no worker has is taken out, and the worker of any other one is told. One whose worker does not renew its lease is taken out,
-- too.
--
-- KEYS  the state of each task
-- ARGV  1 channel of cancellations, 2 time to live of a state in ms, 3 lease in ms; then for each task: task, tenant, the last attempt that is meant
-- gives for each: `withdrawn`, `told`, `done` (its completion is on its way) or `unknown`
--
-- A task that waits to be repaired has neither entry nor worker.
local group, ttl, lease = 'workers', ARGV[2], ARGV[3]

-- What is claimed here has lapsed. An error says that there is no such stream any more. No worker has such a name.
local function has_lapsed(stream, entry)
  local claimed = redis.pcall('XCLAIM', stream, group, '_engine', lease, entry, 'JUSTID')
  return not claimed.err and #claimed > 0
end

local answers = {}
for i, state in ipairs(KEYS) do
  local task, tenant, last = ARGV[1 + i * 3], ARGV[2 + i * 3], ARGV[3 + i * 3]
  local known = redis.call('HMGET', state, 'attempt', 'stream', 'entry', 'worker', 'done')
  local attempt, stream, entry, worker, done = unpack(known, 1, 5)
  if not attempt or tonumber(attempt) > tonumber(last) then
    answers[i] = 'unknown'
  elseif done then
    answers[i] = 'done'
  elseif not worker then
    if stream and entry then redis.call('XDEL', stream, entry) end
    redis.call('DEL', state)
    answers[i] = 'withdrawn'
  elseif has_lapsed(stream, entry) then
    redis.call('XACK', stream, group, entry)
    redis.call('XDEL', stream, entry)
    -- A worker that was not dead learns it with its next renewal, and its end is refused.
    redis.call('HSET', state, 'cancelled', '1', 'done', attempt)
    redis.call('PEXPIRE', state, lease * 4)
    answers[i] = 'withdrawn'
  else
    redis.call('HSET', state, 'cancelled', '1')
    redis.call('PEXPIRE', state, ttl)
    redis.call('PUBLISH', ARGV[1], tenant .. ' ' .. task)
    answers[i] = 'told'
  end
end
return answers
