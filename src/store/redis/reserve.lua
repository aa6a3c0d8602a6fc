-- KEYS[1] counters, KEYS[2] record, which may be left out; ARGV 1 size, 2 kind, 3 first, 4 bucket, 5 life of ownerless counters in s
local granted, remaining, oldest = lease(KEYS[1], tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
if KEYS[2] and redis.call('EXISTS', KEYS[2]) == 0 then redis.call('EXPIRE', KEYS[1], ARGV[5]) end
return {granted, remaining, oldest}
