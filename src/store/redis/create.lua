#!lua
-- KEYS[1] record, then secrets of the same tag
-- ARGV 1 record, 2 id, 3 channel, 4 message. Answers 'ok', 'exists', 'taken' or 'revoked'.
for i = 2, #KEYS do
  local entry = redis.call('GET', KEYS[i])
  if entry then return #entry > 17 and 'revoked' or 'exists' end
end
if redis.call('EXISTS', KEYS[1]) == 1 then return 'taken' end
redis.call('SET', KEYS[1], ARGV[1])
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[2]) end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 'ok'
