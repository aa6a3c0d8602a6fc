#!lua
-- Appends a group of events unless an earlier, interrupted try already did.
-- KEYS[1] activity; ARGV frames, oldest first. Answers the length of the list.
if redis.call('LPOS', KEYS[1], ARGV[#ARGV]) then return redis.call('LLEN', KEYS[1]) end
return redis.call('LPUSH', KEYS[1], unpack(ARGV))
