-- Let entries with known tags last. KEYS: their places. ARGV: ms, then the tag of each. Gives 1 for each that is there.
local kept = {}
for index = 1, #KEYS do
  kept[index] = 0
  if redis.call('HGET', KEYS[index], 't') == ARGV[index + 1] then
    kept[index] = redis.call('PEXPIRE', KEYS[index], ARGV[1])
  end
end
return kept
