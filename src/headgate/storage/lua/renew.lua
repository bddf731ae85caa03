-- Takes leases for another while. KEYS[2] are the leases of one counter, ARGV[3] and on their holders.

for position = 3, #ARGV do
  redis.call('ZADD', KEYS[2], whole(now + LEASE_US), ARGV[position])
end
redis.call('PEXPIRE', KEYS[2], LEASE_US / 500)
return {1}
