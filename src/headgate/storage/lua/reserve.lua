-- Adds all claims or none. KEYS[2] are the reservations of the owner, then one key per claim. ARGV[3] is the holder,
-- ARGV[4] what is recorded of its claims on periods, then per claim: its kind, the amount, the most its counter may hold
-- before ('-' for never), and a slot's length, or '1' where a period has no end.
--
-- Answers {1, total before, slot, ...}; {2, the positions of counters that are not there}; or {0, position, total, now},
-- and of each window without room then {position, slot, shift, its hash}.

local holder, record = ARGV[3], ARGV[4]
local totals, slots, short = {}, {}, {}
local refused, missing

for position = 0, #KEYS - 3 do
  local key, at = KEYS[position + 3], position * 4 + 4
  local kind, room = ARGV[at + 1], ARGV[at + 3]
  local total, slot, shift
  if kind == 's' then
    slot, total, shift = slide(key, tonumber(ARGV[at + 4]))
    slots[position], totals[position] = slot, total
    total = total or '0'
  elseif kind == 'p' then
    total = redis.call('GET', key)
    totals[position] = total
    if not total and not refused then
      missing = missing or {2}
      missing[#missing + 1] = position
    end
  elseif not refused then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now))
    for _, each in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. whole(now + LEASE_US), '+inf')) do
      redis.call('ZADD', key, whole(now + LEASE_US), each) -- the clock was set back
    end
    total = whole(redis.call('ZCARD', key))
    totals[position] = total
  end
  if total and not missing and (room == '-' or above(total, room)) then
    refused = refused or {0, position, total, whole(now)}
    if kind == 's' then
      short[#short + 1] = {position, whole(slot), whole(shift), redis.call('HGETALL', key)}
    end
  end
end

if missing then
  return missing
end

if refused then
  for _, window in ipairs(short) do
    refused[#refused + 1] = window
  end
  return refused
end

local answer = {1}
for position = 0, #KEYS - 3 do
  local key, at = KEYS[position + 3], position * 4 + 4
  local kind, amount, more = ARGV[at + 1], ARGV[at + 2], ARGV[at + 4]
  if kind == 's' then
    if amount ~= '0' then
      count(key, tonumber(more), slots[position], totals[position], amount)
    end
  elseif kind == 'p' then
    redis.call('INCRBY', key, amount)
    if more == '1' then
      redis.call('PEXPIRE', key, ENDLESS_MS)
    end
  else
    redis.call('ZADD', key, whole(now + LEASE_US), holder)
    redis.call('PEXPIRE', key, LEASE_US / 500)
  end
  answer[position * 2 + 2] = totals[position] or '0'
  answer[position * 2 + 3] = slots[position] or 0
end
if record ~= '' then
  redis.call('HSET', KEYS[2], holder, record)
  redis.call('PEXPIRE', KEYS[2], ENDLESS_MS)
end
return answer
