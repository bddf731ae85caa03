-- Says that an owner has carried over what it has, if it is not too late for that. KEYS[2] are those who have, KEYS[3] is
-- there once it is too late, ARGV[3] is the owner. Answers {1} if it was in time.

if redis.call('EXISTS', KEYS[3]) == 1 then
  return {redis.call('SISMEMBER', KEYS[2], ARGV[3])}
end
redis.call('SADD', KEYS[2], ARGV[3])
return {1}
