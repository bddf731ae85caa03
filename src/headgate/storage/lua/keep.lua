-- Keeps a space and what its owners have in it. KEYS[2] and on are the keys that are to last, ARGV[3] is the owner, who is
-- written down in KEYS[2].

redis.call('SADD', KEYS[2], ARGV[3])
for position = 1, #KEYS do
  redis.call('PEXPIRE', KEYS[position], ENDLESS_MS)
end
return {1}
