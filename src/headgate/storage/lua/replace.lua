-- Sets a value if it still is what one thinks. KEYS[2] is it, ARGV[3] what it is thought to be, ARGV[4] '1' where it is
-- thought absent, ARGV[5] the new value, ARGV[6] its milliseconds. Answers {1} if it was set.

local held = redis.call('GET', KEYS[2])
if ARGV[4] == '1' then
  if held then
    return {0}
  end
elseif held ~= ARGV[3] then
  return {0}
end
redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[6])
return {1}
