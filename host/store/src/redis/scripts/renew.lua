-- Renews the leases of a worker.
--
-- KEYS  for each task: its state, its stream
-- ARGV  1 worker; then for each task: entry, attempt, epoch
-- gives for each: `kept`, `cancelled` (kept, and nobody wants it any more) or `lost` (another worker has it, or there is a later attempt)
local group = 'workers'
local answers = {}
for i = 0, (#ARGV - 1) / 3 - 1 do
  local state, stream = KEYS[1 + i * 2], KEYS[2 + i * 2]
  local entry, attempt, epoch = ARGV[2 + i * 3], ARGV[3 + i * 3], ARGV[4 + i * 3]
  local known = redis.call('HMGET', state, 'worker', 'epoch', 'cancelled', 'attempt')
  -- Where Redis has forgotten the task, nobody else has it: the first result counts.
  local current = tonumber(known[4] or '0')
  local is_unknown = current < tonumber(attempt) or (current == tonumber(attempt) and not known[1])
  if is_unknown or (known[4] == attempt and known[1] == ARGV[1] and known[2] == epoch) then
    redis.pcall('XCLAIM', stream, group, ARGV[1], 0, entry, 'JUSTID')
    answers[i + 1] = known[3] and 'cancelled' or 'kept'
  else
    answers[i + 1] = 'lost'
  end
end
return answers
