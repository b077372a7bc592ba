-- Read a board. KEYS: lines by name, and when they are over. Gives name, value and ms left of each.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local names = redis.call('ZRANGEBYSCORE', KEYS[2], string.format('(%.0f', now), '+inf', 'WITHSCORES')
local told = {}
for index = 1, #names, 2 do
  told[#told + 1] = names[index]
  told[#told + 1] = redis.call('HGET', KEYS[1], names[index]) or ''
  told[#told + 1] = names[index + 1] - now
end
return told
