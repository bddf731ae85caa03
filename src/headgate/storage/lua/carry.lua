-- Counts amounts in counters that may not be there yet: beside them then, until they are. KEYS[2] are the reservations of
-- the owner, then two keys per amount: the counter, and what is kept beside it. ARGV[3] is a holder whose reservation this
-- is, if any, ARGV[4] its record, then the amounts. What is recorded is not counted again. Answers {1}, or {0} for that.

if ARGV[3] ~= '' then
  if redis.call('HSETNX', KEYS[2], ARGV[3], ARGV[4]) == 0 then
    return {0}
  end
  redis.call('PEXPIRE', KEYS[2], ENDLESS_MS)
end
for position = 0, (#KEYS - 2) / 2 - 1 do
  local key = KEYS[position * 2 + 3]
  if redis.call('EXISTS', key) == 0 then
    key = KEYS[position * 2 + 4]
    redis.call('INCRBY', key, ARGV[position + 5])
    redis.call('PEXPIRE', key, ENDLESS_MS)
  else
    redis.call('INCRBY', key, ARGV[position + 5])
  end
end
return {1}
