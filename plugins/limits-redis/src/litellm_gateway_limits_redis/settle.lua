-- Correct what was counted and free places, for several demands at once.
-- KEYS: of all demands, each its charges and then its places.
-- ARGV: per demand: charges, places, id, then per charge: window ms, slot, change.
-- Less is taken off the slot it was counted in, if that is still in the window; more counts from now on.
local SLOTS = 120
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local key, argument = 1, 1

local function text(number)
  return string.format('%.0f', number)
end

local function take_off(name, slot, amount)
  local kept = redis.call('HMGET', name, 'h', text(slot))
  if not kept[1] or tonumber(kept[1]) > slot then
    return
  end
  amount = math.min(amount, tonumber(kept[2] or 0) or 0)
  if amount > 0 then
    redis.call('HINCRBY', name, text(slot), text(-amount))
    redis.call('HINCRBY', name, 't', text(-amount))
  end
end

local function add(name, window, amount)
  local current = math.floor(now / (window / SLOTS))
  redis.call('HSETNX', name, 'h', text(current))
  redis.call('HINCRBY', name, text(current), text(amount))
  redis.call('HINCRBY', name, 't', text(amount))
  redis.call('PEXPIRE', name, text(math.ceil(window * (SLOTS + 2) / SLOTS)))
end

while argument <= #ARGV do
  local charges, places, id = tonumber(ARGV[argument]), tonumber(ARGV[argument + 1]), ARGV[argument + 2]
  argument = argument + 3
  for _ = 1, charges do
    local window, slot, change = tonumber(ARGV[argument]), tonumber(ARGV[argument + 1]), tonumber(ARGV[argument + 2])
    argument = argument + 3
    if change < 0 then
      take_off(KEYS[key], slot, -change)
    elseif change > 0 then
      add(KEYS[key], window, change)
    end
    key = key + 1
  end
  for _ = 1, places do
    redis.call('ZREM', KEYS[key], id)
    key = key + 1
  end
end
return key - 1
