-- Renews the leases of a worker.
--
-- KEYS  for each task: its state, its stream
-- ARGV  1 worker; then for each task: entry, epoch
-- gives for each: `kept`, `cancelled` (kept, and nobody wants it any more) or `lost` (another worker has it)
local group = 'workers'
local answers = {}
for i = 0, (#ARGV - 1) / 2 - 1 do
  local state, stream = KEYS[1 + i * 2], KEYS[2 + i * 2]
  local entry, epoch = ARGV[2 + i * 2], ARGV[3 + i * 2]
  local known = redis.call('HMGET', state, 'worker', 'epoch', 'cancelled')
  -- Where Redis has forgotten the task, nobody else has it: the first result counts.
  local is_unknown = not known[1]
  if is_unknown or (known[1] == ARGV[1] and known[2] == epoch) then
    redis.pcall('XCLAIM', stream, group, ARGV[1], 0, entry, 'JUSTID')
    answers[i + 1] = known[3] and 'cancelled' or 'kept'
  else
    answers[i + 1] = 'lost'
  end
end
return answers
