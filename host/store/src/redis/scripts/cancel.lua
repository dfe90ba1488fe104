-- Ends tasks: one that no worker has is taken out, and the worker of any other one is told.
--
-- KEYS  the state of each task
-- ARGV  1 channel of cancellations, 2 time to live of a state in ms; then for each task: task, tenant, the last attempt that is meant
-- gives for each: `withdrawn`, `told`, `done` (its completion is on its way) or `unknown`
--
-- A task that waits to be repaired has neither entry nor worker.
local answers = {}
for i, state in ipairs(KEYS) do
  local known = redis.call('HMGET', state, 'attempt', 'stream', 'entry', 'worker', 'done')
  if not known[1] or tonumber(known[1]) > tonumber(ARGV[2 + i * 3]) then
    answers[i] = 'unknown'
  elseif known[5] then
    answers[i] = 'done'
  elseif not known[4] then
    if known[2] and known[3] then redis.call('XDEL', known[2], known[3]) end
    redis.call('DEL', state)
    answers[i] = 'withdrawn'
  else
    redis.call('HSET', state, 'cancelled', '1')
    redis.call('PEXPIRE', state, ARGV[2])
    redis.call('PUBLISH', ARGV[1], ARGV[1 + i * 3] .. ' ' .. ARGV[i * 3])
    answers[i] = 'told'
  end
end
return answers
