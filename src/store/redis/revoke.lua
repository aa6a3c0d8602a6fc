#!lua flags=allow-oom
-- KEYS 1 record, 2 counters, 3 activity, then secrets of the same tag
-- ARGV 1 expected generation (8 bytes), 2 tombstone, 3 its life in s, 4 life of the activity in s, 5 channel, 6 message
-- Answers 'ok', 'gone' or 'conflict'.
local record = redis.call('GET', KEYS[1])
if not record then return 'gone' end
if string.sub(record, 1, 8) ~= ARGV[1] then return 'conflict' end
redis.call('DEL', KEYS[1])
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('EXPIRE', KEYS[3], ARGV[4])
for i = 4, #KEYS do redis.call('SET', KEYS[i], ARGV[2], 'EX', ARGV[3]) end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 'ok'
