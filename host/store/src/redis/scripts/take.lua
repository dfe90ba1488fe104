-- Hands tasks to a worker: it owns them for as long as it renews their leases.
--
-- KEYS  the streams to take from, the most urgent first
-- ARGV  1 prefix of control keys, 2 worker, 3 how many at most, 4 `new` or `lost`, 5 lease in ms, 6 losses that make a task poison,
--       7 time to live of a state in ms
-- gives { tasks, last ids of the streams, which are there only where nothing is left in them }, a task being { stream, entry, epoch, fields }
--
-- `new` takes what nobody has, `lost` what a worker had and did not renew. A task whose worker died too often goes to the dead letters, and its
-- engine is told, in the same step. One with an epoch of 0 lacks a field: the worker buries it.
local prefix, worker, wanted, mode = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local lease, losses_max, ttl = ARGV[5], tonumber(ARGV[6]), ARGV[7]
local group = 'workers'

local function entries_of(stream, count)
  if mode == 'lost' then
    -- One call looks at ten times as many entries as it may claim, and those that are renewed come first as often as not.
    local claimed, cursor = {}, '0-0'
    repeat
      local reply = redis.pcall('XAUTOCLAIM', stream, group, worker, lease, cursor, 'COUNT', count - #claimed)
      if reply.err then break end
      cursor = reply[1]
      for _, entry in ipairs(reply[2]) do claimed[#claimed + 1] = entry end
    until cursor == '0-0' or #claimed >= count
    return claimed
  end
  local reply = redis.pcall('XREADGROUP', 'GROUP', group, worker, 'COUNT', count, 'STREAMS', stream, '>')
  if reply and reply.err then
    redis.call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
    reply = redis.call('XREADGROUP', 'GROUP', group, worker, 'COUNT', count, 'STREAMS', stream, '>')
  end
  return reply and reply[1] and reply[1][2] or {}
end

local function forget(stream, entry)
  redis.call('XACK', stream, group, entry)
  redis.call('XDEL', stream, entry)
end

local function report(task, kind)
  local completions = prefix .. 'engine:' .. task.engine .. ':completions'
  local id = redis.call('XADD', completions, '*', 'task', task.task_exec_id, 'tenant', task.tenant,
    'attempt', task.attempt, 'epoch', '0', 'kind', kind)
  redis.call('HSET', task.state, 'attempt', task.attempt, 'done', task.attempt, 'completion', id)
  redis.call('PEXPIRE', task.state, ttl)
end

local function bury(stream, entry, task)
  redis.call('XADD', prefix .. 'dead', '*', 'reason', 'worker-lost', 'task_exec_id', task.task_exec_id, 'tenant', task.tenant,
    'engine', task.engine, 'attempt', task.attempt, 'stream', stream, 'worker', worker, 'envelope', task.envelope or '')
  report(task, 'poison')
end

-- The epoch with which the worker has it; nil where there is nothing to do any more.
local function hand_out(stream, entry, task)
  local attempt = tonumber(task.attempt)
  if not (task.task_exec_id and task.tenant and task.engine and attempt) then return 0 end
  task.state = prefix .. 'state:' .. task.tenant .. ':' .. task.task_exec_id
  local known = redis.call('HMGET', task.state, 'attempt', 'entry', 'done', 'cancelled', 'epoch')
  local current = tonumber(known[1])
  local is_other = current == attempt and known[2] and known[2] ~= entry
  if (current and current > attempt) or is_other or tonumber(known[3]) == attempt then
    forget(stream, entry)
    return nil
  end
  local group = task.group and prefix .. 'group:' .. task.tenant .. ':' .. task.group
  if (known[4] and current == attempt) or (group and redis.call('EXISTS', group) == 1) then
    report(task, 'stopped')
    forget(stream, entry)
    return nil
  end
  if current and current ~= attempt then redis.call('DEL', task.state) end
  if mode == 'lost' and redis.call('HINCRBY', task.state, 'lost', 1) >= losses_max then
    bury(stream, entry, task)
    forget(stream, entry)
    return nil
  end
  local epoch = 1
  if current == attempt and known[2] then
    epoch = tonumber(known[5] or '0') + 1
    redis.call('HSET', task.state, 'epoch', epoch, 'worker', worker)
  else
    redis.call('HSET', task.state, 'attempt', attempt, 'stream', stream, 'entry', entry, 'epoch', epoch, 'worker', worker)
    redis.call('PEXPIRE', task.state, ttl)
  end
  return epoch
end

local tasks, is_empty = {}, true
for _, stream in ipairs(KEYS) do
  local count = wanted - #tasks
  local entries = count > 0 and entries_of(stream, count) or {}
  is_empty = is_empty and #entries < count
  for _, found in ipairs(entries) do
    -- Before Redis 7, an entry that was deleted is found without its fields.
    if found and found[2] then
      local task = {}
      for i = 1, #found[2], 2 do task[found[2][i]] = found[2][i + 1] end
      local epoch = hand_out(stream, found[1], task)
      if epoch then tasks[#tasks + 1] = { stream, found[1], epoch, found[2] } end
    end
  end
end

local lasts = {}
if is_empty and mode == 'new' then
  for i, stream in ipairs(KEYS) do
    local info = redis.call('XINFO', 'STREAM', stream)
    for field = 1, #info, 2 do
      if info[field] == 'last-generated-id' then lasts[i] = info[field + 1] end
    end
  end
end
return { tasks, lasts }
