#!lua flags=allow-oom
-- KEYS 1 record, then counters and activity unless they are left out, then secrets of the same tag
-- ARGV 1 expected generation (8 bytes), 2 tombstone, 3 its life in s, 4 life of counters and activity in s, 5 channel,
-- 6 message, 7 how many keys stand between record and secrets
-- Answers 'ok', 'gone' or 'conflict'.
local record = redis.call('GET', KEYS[1])
if not record then return 'gone' end
if string.sub(record, 1, 8) ~= ARGV[1] then return 'conflict' end
redis.call('DEL', KEYS[1])
local passed = 1 + tonumber(ARGV[7])
for i = 2, passed do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
for i = passed + 1, #KEYS do redis.call('SET', KEYS[i], ARGV[2], 'EX', ARGV[3]) end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 'ok'
