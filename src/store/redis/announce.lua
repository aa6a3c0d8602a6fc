#!lua flags=allow-oom
-- KEYS[1] members by the time they were seen; ARGV 1 member, 2 life in ms. Time is the server's.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - tonumber(ARGV[2])))
return redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
