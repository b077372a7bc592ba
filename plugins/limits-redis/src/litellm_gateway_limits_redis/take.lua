-- Count all of a demand or nothing of it. Time is the server's own, so that all processes agree on it.
-- A window is cut into slots: a hash of slot number -> amount, with 'h' the oldest slot kept and 't' their total.
-- KEYS: one per charge, then one per place.
-- ARGV: charges, requests, lease ms, then the id of each request, then per charge: window ms, limit, amount; then
-- per place: limit. Each request takes one of every place; the amounts are those of all of them.
-- Gives {1, slot of each charge} or {0, index of the key that has no room, ms until it has or -1}.
local SLOTS = 120
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local charges, requests = tonumber(ARGV[1]), tonumber(ARGV[2])
local argument = 4 + requests
local slots = {}

local function text(number)
  return string.format('%.0f', number)
end

-- Forget slots that are over; gives the oldest slot kept and the total.
local function advance(key, current)
  local kept = redis.call('HMGET', key, 'h', 't')
  if not kept[1] then
    return current, 0
  end
  local oldest, total = tonumber(kept[1]), tonumber(kept[2])
  local first = current - SLOTS
  if oldest >= first then
    return oldest, total
  end
  local over = {}
  for slot = oldest, math.min(first - 1, oldest + 4 * SLOTS) do
    over[#over + 1] = text(slot)
  end
  local amounts = redis.call('HMGET', key, unpack(over))
  for index = 1, #over do
    total = total - (tonumber(amounts[index] or 0) or 0)
  end
  redis.call('HDEL', key, unpack(over))
  redis.call('HSET', key, 'h', text(first), 't', text(total))
  return first, total
end

-- Give the milliseconds until so much more than there is room for has left the window.
local function wait(key, oldest, current, width, excess)
  local names = {}
  for slot = oldest, current do
    names[#names + 1] = text(slot)
  end
  local amounts = redis.call('HMGET', key, unpack(names))
  for index = 1, #names do
    excess = excess - (tonumber(amounts[index] or 0) or 0)
    if excess <= 0 then
      return math.max(1, math.ceil((oldest + index - 1 + SLOTS + 1) * width - now))
    end
  end
  return -1
end

for charge = 1, charges do
  local width = tonumber(ARGV[argument]) / SLOTS
  local limit, amount = tonumber(ARGV[argument + 1]), tonumber(ARGV[argument + 2])
  argument = argument + 3
  local current = math.floor(now / width)
  local oldest, total = advance(KEYS[charge], current)
  if total + amount > limit then
    return {0, charge, wait(KEYS[charge], oldest, current, width, total + amount - limit)}
  end
  slots[charge] = {current, oldest, total}
end

for place = charges + 1, #KEYS do
  local limit = tonumber(ARGV[argument])
  argument = argument + 1
  redis.call('ZREMRANGEBYSCORE', KEYS[place], '-inf', text(now))
  if redis.call('ZCARD', KEYS[place]) + requests > limit then
    return {0, place, -1}
  end
end

local lease = tonumber(ARGV[3])
for place = charges + 1, #KEYS do
  for request = 1, requests do
    redis.call('ZADD', KEYS[place], text(now + lease), ARGV[3 + request])
  end
  if redis.call('PTTL', KEYS[place]) < lease then
    redis.call('PEXPIRE', KEYS[place], text(lease))
  end
end

local marks = {1}
argument = 4 + requests
for charge = 1, charges do
  local window, amount = tonumber(ARGV[argument]), tonumber(ARGV[argument + 2])
  argument = argument + 3
  local current, oldest, total = unpack(slots[charge])
  if amount > 0 then
    redis.call('HSET', KEYS[charge], 'h', text(oldest), 't', text(total + amount))
    redis.call('HINCRBY', KEYS[charge], text(current), text(amount))
    redis.call('PEXPIRE', KEYS[charge], text(math.ceil(window * (SLOTS + 2) / SLOTS)))
  end
  marks[charge + 1] = current
end
return marks
