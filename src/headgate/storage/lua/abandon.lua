-- Lets a space end, whatever it holds. KEYS[2] says that counters can be begun in it. Answers {1}.

redis.call('DEL', KEYS[1], KEYS[2])
return {1}
