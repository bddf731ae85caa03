-- Begins a period's counter, KEYS[2], with ARGV[3] and what is kept beside it, KEYS[3], if it is not there. ARGV[4] is how
-- many milliseconds it lasts, 0 for as long as it is used. Answers {1} if it was begun.

if not redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4] == '0' and ENDLESS_MS or ARGV[4]) then
  return {0}
end
local beside = redis.call('GET', KEYS[3])
if beside then
  redis.call('INCRBY', KEYS[2], beside)
  redis.call('DEL', KEYS[3])
end
return {1}
