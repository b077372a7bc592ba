-- Put an entry unless there is one. KEYS: its place. ARGV: tag, value, ms. Gives what is there: tag, value, ms left.
local found = redis.call('HMGET', KEYS[1], 't', 'v')
if found[1] then
  return {found[1], found[2], redis.call('PTTL', KEYS[1])}
end
redis.call('HSET', KEYS[1], 't', ARGV[1], 'v', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {}
