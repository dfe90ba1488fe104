-- Reads records of one execution, or makes them live on. Whoever is read lives on for as long as it was stored for, with all that it refers to.
--
-- KEYS: the names of what is stored for the execution, then the records.
-- ARGV: what keys of bodies of this execution start with; how long a record outlives its deadline (ms); the least time to live from this
-- moment (ms), 0 for that of the record; "read", or "extend" for no text and no body.
--
-- Answers for each record one of {"absent"}, {"expired"}, {"unknown", what is stored}, {"found", deadline, TTL, text, body of its config or
-- nothing where that is gone}.
--
-- One that was stored or read within the last 64th of its time is left as it is: reading what was just stored writes nothing.
--
-- The keys of bodies are made here, from digests in the record: only so are a record and its config one round trip. They share the hash tag.

local prefix, grace, least, mode = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function grow(key, ttl)
  local left = redis.call('PTTL', key)
  if left >= 0 and left < ttl then
    redis.call('PEXPIRE', key, string.format('%.0f', ttl))
  end
end

local function answer(key)
  -- An error says that something else than a text lies there.
  local stored = redis.pcall('GET', key)
  if type(stored) == 'table' then
    return { 'unknown', '' }
  end
  if not stored then
    return { 'absent' }
  end
  local deadline, stored_ttl, digests, text = string.match(stored, '^1 (%d+) (%d+) ([%x,]*)\n(.*)$')
  if not deadline or #deadline ~= 15 then
    return { 'unknown', stored }
  end
  deadline = tonumber(deadline)
  if deadline <= now then
    return { 'expired' }
  end
  local is_read = least == 0
  local ttl = is_read and tonumber(stored_ttl) or least
  local gained = now + ttl - deadline
  if gained > (is_read and ttl / 64 or 0) then
    deadline = now + ttl
    redis.call('SETRANGE', key, 2, string.format('%015.0f', deadline))
    grow(key, ttl + grace)
    grow(KEYS[1], ttl + grace)
    for digest in string.gmatch(digests, '%x+') do
      grow(prefix .. digest, ttl)
    end
  end
  if mode == 'extend' then
    return { 'found' }
  end
  local config = redis.pcall('GET', prefix .. string.sub(digests, 1, 64))
  if type(config) == 'table' then
    config = false
  end
  return { 'found', string.format('%.0f', deadline), stored_ttl, text, config }
end

local answers = {}
for index = 2, #KEYS do
  answers[index - 1] = answer(KEYS[index])
end
return answers
