-- Forgets completions that are in the engine's journal, and the tasks that they end.
--
-- KEYS  1 completions of the engine; then the state of each task
-- ARGV  for each task: entry of the completion, attempt
for i = 2, #KEYS do
  local entry, attempt = ARGV[i * 2 - 3], ARGV[i * 2 - 2]
  redis.call('XDEL', KEYS[1], entry)
  local known = redis.call('HMGET', KEYS[i], 'attempt', 'completion')
  if known[1] == attempt and known[2] == entry then redis.call('DEL', KEYS[i]) end
end
return #KEYS - 1
