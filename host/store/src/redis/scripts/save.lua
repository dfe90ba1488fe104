-- Saves records and bodies of one execution. What is there already is kept, and lives at least as long as asked for.
--
-- KEYS: the names of what is stored for the execution, the records, then the bodies.
-- ARGV: the number of records; how long a record outlives its deadline (ms); for each record its TTL (ms), its digests (hexadecimal, the
-- config's first, joined by commas) and its text; for each body its TTL (ms) and its bytes, empty where they were sent before.
--
-- Answers {"conflict", index} where another config stands under a record, and nothing was changed; else {"saved", index of a body that was
-- not sent and is not there, ...}. Indexes count from 1.
--
-- A name is what a key of the execution ends with, its last two parts. Each is noted once, when its key comes into being, and the list lives at
-- least as long as all that it names.
--
-- A record is stored as "1 <deadline, 15 digits> <ttl> <digests>\n<text>": the deadline is rewritten in place.

local count, grace = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function grow(key, ttl)
  if redis.call('PTTL', key) < ttl then
    redis.call('PEXPIRE', key, string.format('%.0f', ttl))
  end
end

-- Where a name cannot be noted, its key lives until its time is over.
local function note(key)
  redis.pcall('RPUSH', KEYS[1], string.match(key, '[^:]*:[^:]*$'))
end

local deadlines, is_new = {}, {}
for index = 1, count do
  local ttl, digests = tonumber(ARGV[3 * index]), ARGV[3 * index + 1]
  deadlines[index] = now + ttl
  local stored = redis.pcall('GET', KEYS[1 + index])
  is_new[index] = not stored
  if type(stored) == 'table' then
    stored = nil
  end
  local deadline, _, known = string.match(stored or '', '^1 (%d+) (%d+) ([%x,]*)\n')
  if deadline and tonumber(deadline) > now then
    if string.sub(known, 1, 64) ~= string.sub(digests, 1, 64) then
      return { 'conflict', index }
    end
    deadlines[index] = math.max(deadlines[index], tonumber(deadline))
  end
end

local longest = 0
for index = 1, count do
  local ttl, digests, text = ARGV[3 * index], ARGV[3 * index + 1], ARGV[3 * index + 2]
  local deadline = deadlines[index]
  local record = string.format('1 %015.0f ', deadline) .. ttl .. ' ' .. digests .. '\n' .. text
  redis.call('SET', KEYS[1 + index], record, 'PX', string.format('%.0f', deadline - now + grace))
  if is_new[index] then
    note(KEYS[1 + index])
  end
  longest = math.max(longest, deadline - now + grace)
end

local answer = { 'saved' }
local base = 2 + 3 * count
for index = 1, #KEYS - 1 - count do
  local key, ttl, bytes = KEYS[1 + count + index], tonumber(ARGV[base + 2 * index - 1]), ARGV[base + 2 * index]
  if redis.call('EXISTS', key) == 1 then
    grow(key, ttl)
  elseif bytes == '' then
    answer[#answer + 1] = index
  else
    redis.call('SET', key, bytes, 'PX', string.format('%.0f', ttl))
    note(key)
  end
  longest = math.max(longest, ttl)
end
grow(KEYS[1], longest)
return answer
