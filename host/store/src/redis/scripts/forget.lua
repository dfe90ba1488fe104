-- Forgets the consumers of workers that are gone and have nothing any more, so that a stream does not remember every worker there ever was.
--
-- KEYS  the streams
-- ARGV  1 the worker that asks, 2 after how long without a word another one is gone, in ms
-- gives how many
local group = 'workers'
local forgotten = 0
for _, stream in ipairs(KEYS) do
  -- An error says that there is no such stream yet, or no longer.
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, group)
  if consumers.err then consumers = {} end
  for _, fields in ipairs(consumers) do
    local consumer = {}
    for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
    if consumer.name ~= ARGV[1] and consumer.pending == 0 and consumer.idle > tonumber(ARGV[2]) then
      redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer.name)
      forgotten = forgotten + 1
    end
  end
end
return forgotten
