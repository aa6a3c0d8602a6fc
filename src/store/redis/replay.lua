#!lua
-- Appends a group of events unless an earlier, interrupted try already did.
-- KEYS 1 activity, 2 counters; ARGV 1 last use, 2.. frames, oldest first. Answers the length of the list.
local newest = ARGV[#ARGV]
if redis.call('LPOS', KEYS[1], newest) then return redis.call('LLEN', KEYS[1]) end
redis.call('HSET', KEYS[2], 'u', ARGV[1])
return redis.call('LPUSH', KEYS[1], unpack(ARGV, 2))
