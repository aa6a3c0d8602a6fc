#!lua
-- KEYS[1] record, then secrets of the same tag: first ARGV[6] that stay or come, then those that go
-- ARGV 1 record, 2 id, 3 channel, 4 message, 5 expected generation (8 bytes), 6 number of secrets that stay or come
-- Answers 'ok', 'gone', 'conflict', 'exists' or 'revoked'.
local record = redis.call('GET', KEYS[1])
if not record then return 'gone' end
if string.sub(record, 1, 8) ~= ARGV[5] then return 'conflict' end
local kept = 1 + tonumber(ARGV[6])
for i = 2, kept do
  local entry = redis.call('GET', KEYS[i])
  if entry and entry ~= ARGV[2] then return #entry > 17 and 'revoked' or 'exists' end
end
redis.call('SET', KEYS[1], ARGV[1])
for i = 2, kept do redis.call('SET', KEYS[i], ARGV[2]) end
for i = kept + 1, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[2] then redis.call('DEL', KEYS[i]) end
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 'ok'
