-- Corrects a reservation. KEYS[2] are the reservations of the owner, then one key per claim that changes. ARGV[3] is the
-- holder, ARGV[4] '1' where its claims on periods are recorded, which is only believed while they are; then per claim: its
-- kind, the difference, the slot it was counted in, a slot's length. Answers {1}, or {0} where it was settled before.

local holder = ARGV[3]
local first = ARGV[4] ~= '1' or redis.call('HDEL', KEYS[2], holder) == 1

for position = 0, #KEYS - 3 do
  local key, at = KEYS[position + 3], position * 4 + 4
  local kind, amount = ARGV[at + 1], ARGV[at + 2]
  local less = string.sub(amount, 1, 1) == '-'
  if kind == 'l' then
    redis.call('ZREM', key, holder)
  elseif first and kind == 'p' then
    if redis.call('EXISTS', key) == 1 then
      redis.pcall('INCRBY', key, amount)
    end
  elseif first then
    local width = tonumber(ARGV[at + 4])
    local slot, total = slide(key, width)
    if not less then
      count(key, width, slot, total, amount)
    else
      local mark = tonumber(ARGV[at + 3])
      local field = whole(mark % SLOTS)
      local held = total and mark <= slot and slot - mark < SLOTS and redis.call('HGET', key, field)
      if held and not above(string.sub(amount, 2), held) then
        redis.call('HINCRBY', key, 't', amount)
        redis.call('HINCRBY', key, field, amount)
      end
    end
  end
end
return {first and 1 or 0}
