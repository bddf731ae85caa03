-- What every other script begins with. KEYS[1] names the space it was written for, ARGV[1] is what it has to hold, ARGV[2]
-- the time where it is not Redis's own. Amounts are decimal texts throughout, added by Redis and compared as texts: a
-- number of Lua is a double, and exact up to 2^53 only.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {-1}
end

local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local SLOTS = 61
local DAY_MS = 86400000
local ENDLESS_MS = 400 * DAY_MS
local LEASE_US = 30000000

local function whole(number)
  return string.format('%.0f', number)
end

-- Whether one amount is more than another. Neither has a sign or leading zeros.
local function above(one, other)
  if #one ~= #other then
    return #one > #other
  end
  return one > other
end

local function keep_window(key, width, shift)
  redis.call('PEXPIRE', key, whole(math.ceil(width / 1000) * (SLOTS + 3 + shift)))
end

-- Lets a window slide to now: its slot, its total, and by how many slots it is ahead of the clock. A window is a hash:
-- n its newest slot, o that shift, t the total, and a ring of slots 0 to 60. Where the clock was set back, the window goes
-- on from the slot it had.
local function slide(key, width)
  local slot = math.floor(now / width)
  local held = redis.call('HMGET', key, 'n', 'o', 't')
  if not held[1] then
    return slot, nil, 0
  end
  local newest, shift, total = tonumber(held[1]), tonumber(held[2]), held[3]
  slot = slot + shift
  if slot == newest then
    return slot, total, shift
  end
  if slot < newest then
    shift = shift + newest - slot
    redis.call('HSET', key, 'o', whole(shift))
    keep_window(key, width, shift)
    return newest, total, shift
  end
  if slot - newest >= SLOTS then
    redis.call('DEL', key)
    redis.call('HSET', key, 'n', whole(slot), 'o', whole(shift), 't', '0')
  else
    local gone = {}
    for each = newest + 1, slot do
      gone[#gone + 1] = whole(each % SLOTS)
    end
    for _, amount in ipairs(redis.call('HMGET', key, unpack(gone))) do
      if amount and amount ~= '0' then
        redis.call('HINCRBY', key, 't', '-' .. amount)
      end
    end
    redis.call('HDEL', key, unpack(gone))
    redis.call('HSET', key, 'n', whole(slot))
  end
  keep_window(key, width, shift)
  return slot, redis.call('HGET', key, 't'), shift
end

-- Counts an amount in a window that was let slide to this slot, and had this total, if it was there.
local function count(key, width, slot, total, amount)
  if not total and redis.call('HSETNX', key, 'n', whole(slot)) == 1 then
    redis.call('HSET', key, 'o', '0', 't', '0')
    keep_window(key, width, 0)
  end
  redis.call('HINCRBY', key, 't', amount)
  redis.call('HINCRBY', key, whole(slot % SLOTS), amount)
end
