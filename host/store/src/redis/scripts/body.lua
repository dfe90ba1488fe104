-- Reads a body and makes it live at least so long.
--
-- KEYS: the body, and perhaps the names of what is stored for its execution. ARGV: the TTL (ms). Answers its bytes, or nothing.

local body = redis.call('GET', KEYS[1])
if body then
  for _, key in ipairs(KEYS) do
    local left = redis.call('PTTL', key)
    if left >= 0 and left < tonumber(ARGV[1]) then
      redis.call('PEXPIRE', key, ARGV[1])
    end
  end
end
return body
