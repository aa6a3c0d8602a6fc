#!lua flags=no-writes
-- KEYS[1] members by the time they were seen; ARGV 1 life in ms, 2 most members. Answers member, time, member, time ...
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local from = string.format('%.0f', now - tonumber(ARGV[1]))
return redis.call('ZRANGE', KEYS[1], '+inf', from, 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[2], 'WITHSCORES')
