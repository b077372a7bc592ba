-- Remove an entry with a known tag and wake who waits. KEYS: its place. ARGV: tag.
if redis.call('HGET', KEYS[1], 't') ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', KEYS[1], '')
return 1
