-- Put an entry in the place of one with a known tag and wake who waits. KEYS: its place. ARGV: that tag, tag, value, ms.
if redis.call('HGET', KEYS[1], 't') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 't', ARGV[2], 'v', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', KEYS[1], '')
return 1
