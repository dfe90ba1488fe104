-- Reads a body and makes it live at least so long.
--
-- KEYS: the body. ARGV: the TTL (ms). Answers its bytes, or nothing.

local body = redis.call('GET', KEYS[1])
if body then
  local left = redis.call('PTTL', KEYS[1])
  if left >= 0 and left < tonumber(ARGV[1]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
  end
end
return body
