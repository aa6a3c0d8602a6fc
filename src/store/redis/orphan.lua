#!lua
-- A list that has just begun: if its token is gone, list and counters must not outlive the retention.
-- KEYS 1 activity, 2 counters, 3 record; ARGV[1] life in s
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return redis.call('EXPIRE', KEYS[2], ARGV[1])
