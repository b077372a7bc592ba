-- Read an entry. KEYS: its place. Gives tag, value, ms left.
local found = redis.call('HMGET', KEYS[1], 't', 'v')
if not found[1] then
  return {}
end
return {found[1], found[2], redis.call('PTTL', KEYS[1])}
