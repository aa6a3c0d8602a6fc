#!lua flags=allow-oom
-- KEYS[1] secret; ARGV[1] the entry that goes
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
