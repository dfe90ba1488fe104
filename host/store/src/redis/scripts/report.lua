-- Tells an engine that a task cannot be run as it is: to be repaired and put in again, or, with a reason to bury it, never.
--
-- KEYS  1 completions of the engine, 2 state of the task, 3 its stream, 4 dead letters
-- ARGV  1 entry, 2 epoch, 3 task, 4 tenant, 5 engine, 6 attempt, 7 kind (`repair` or `unreadable`), 8 reason, 9 worker, 10 envelope,
--       11 time to live of a state in ms
-- gives 1, or 0 where another worker has the task
-- Without an engine, nobody knows of what task the entry is, and there is no state.
if ARGV[5] ~= '' then
  local known = redis.call('HMGET', KEYS[2], 'worker', 'epoch', 'attempt')
  local is_lost = known[1] and (known[1] ~= ARGV[9] or known[3] ~= ARGV[6] or (known[2] ~= ARGV[2] and ARGV[2] ~= '0'))
  if is_lost then return 0 end
end
if ARGV[7] == 'unreadable' then
  redis.call('XADD', KEYS[4], '*', 'reason', ARGV[8], 'task_exec_id', ARGV[3], 'tenant', ARGV[4], 'engine', ARGV[5],
    'attempt', ARGV[6], 'stream', KEYS[3], 'worker', ARGV[9], 'envelope', ARGV[10])
end
if ARGV[5] ~= '' then
  local id = redis.call('XADD', KEYS[1], '*', 'task', ARGV[3], 'tenant', ARGV[4], 'attempt', ARGV[6], 'epoch', ARGV[2],
    'kind', ARGV[7], 'reason', ARGV[8])
  if ARGV[7] == 'unreadable' then
    redis.call('HSET', KEYS[2], 'attempt', ARGV[6], 'done', ARGV[6], 'completion', id)
    redis.call('PEXPIRE', KEYS[2], ARGV[11])
  else
    -- The epoch stays: who had the task before is still refused.
    redis.call('HDEL', KEYS[2], 'worker', 'stream', 'entry')
  end
end
redis.call('XACK', KEYS[3], 'workers', ARGV[1])
redis.call('XDEL', KEYS[3], ARGV[1])
return 1
