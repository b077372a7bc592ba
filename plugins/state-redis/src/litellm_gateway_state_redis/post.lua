-- Write a line on a board and tell all who listen. KEYS: lines by name, and when they are over. ARGV: name, value, ms.
local MOST = 10000
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function drop(names)
  if #names > 0 then
    redis.call('HDEL', KEYS[1], unpack(names))
    redis.call('ZREM', KEYS[2], unpack(names))
  end
end

drop(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now), 'LIMIT', 0, 1000))
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[3]), ARGV[1])
if redis.call('ZCARD', KEYS[2]) > MOST then
  drop(redis.call('ZRANGE', KEYS[2], 0, 0))
end
for index = 1, 2 do
  if redis.call('PTTL', KEYS[index]) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', KEYS[index], ARGV[3])
  end
end
redis.call('PUBLISH', KEYS[1], #ARGV[1] .. ' ' .. ARGV[3] .. ' ' .. ARGV[1] .. ARGV[2])
return 1
