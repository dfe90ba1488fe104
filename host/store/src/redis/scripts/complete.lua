-- Brings back how tasks ended: the result, then the completion, then the entry goes, in one step. An end that comes too late is refused.
--
-- KEYS  for each task: its state, the completions of its engine, its stream, the body of its result, the names of what is stored for its execution
-- ARGV  1 time to live of a state in ms; then for each task: entry, attempt, epoch, task, tenant, kind, form, value, body, time to live of
--       the body in ms. The form is `none`, `inline` or `digest`, and there is a body with the last one.
-- gives 1 for each that was taken, and 0 for each that another attempt or another worker has overtaken
local group = 'workers'
local taken = {}
for i = 0, (#ARGV - 1) / 10 - 1 do
  local state, completions, stream, body, names = unpack(KEYS, 1 + i * 5, 5 + i * 5)
  local entry, attempt, epoch, task, tenant, kind, form, value, text, ttl = unpack(ARGV, 2 + i * 10, 11 + i * 10)
  local known = redis.call('HMGET', state, 'attempt', 'epoch', 'done', 'entry')
  local current = tonumber(known[1])
  local is_late = (current and current > tonumber(attempt))
    or (current == tonumber(attempt) and (known[3] or tonumber(known[2] or '0') > tonumber(epoch)))
  if is_late then
    taken[i + 1] = 0
  else
    if form == 'digest' then
      local is_new = redis.call('EXISTS', body) == 0
      redis.call('SET', body, text, 'PX', ttl)
      if is_new then redis.pcall('RPUSH', names, string.match(body, '[^:]*:[^:]*$')) end
      if redis.call('PTTL', names) < tonumber(ttl) then
        redis.call('PEXPIRE', names, ttl)
      end
    end
    local fields = { 'task', task, 'tenant', tenant, 'attempt', attempt, 'epoch', epoch, 'kind', kind }
    if form ~= 'none' then
      fields[#fields + 1] = form
      fields[#fields + 1] = value
    end
    local id = redis.call('XADD', completions, '*', unpack(fields))
    redis.call('HSET', state, 'attempt', attempt, 'done', attempt, 'completion', id)
    if not current then redis.call('PEXPIRE', state, ARGV[1]) end
    taken[i + 1] = 1
  end
  -- An entry that another worker has goes with that one's result.
  if not is_late or current ~= tonumber(attempt) or known[4] ~= entry or known[3] then
    redis.call('XACK', stream, group, entry)
    redis.call('XDEL', stream, entry)
  end
end
return taken
