-- Forgets completions that are in the engine's journal, and the tasks that they end, with a copy of one that still waits for a worker.
--
-- KEYS  1 completions of the engine; then the state of each task
-- ARGV  for each task: entry of the completion, or nothing where it did not come from here; attempt
for i = 2, #KEYS do
  local entry, attempt = ARGV[i * 2 - 3], ARGV[i * 2 - 2]
  if entry ~= '' then redis.call('XDEL', KEYS[1], entry) end
  local known = redis.call('HMGET', KEYS[i], 'attempt', 'completion', 'stream', 'entry')
  if known[1] == attempt and (entry == '' or known[2] == entry) then
    if known[3] and known[4] and redis.call('XDEL', known[3], known[4]) == 1 then
      redis.call('XACK', known[3], 'workers', known[4])
    end
    redis.call('DEL', KEYS[i])
  end
end
return #KEYS - 1
