#!lua
-- A secret outside its token's tag. KEYS[1] secret; ARGV 1 forward, 2 entry that may be replaced or ''
-- Answers {'ok'}, {'revoked'} or {'exists', entry}.
local entry = redis.call('GET', KEYS[1])
if entry and entry ~= ARGV[1] and entry ~= ARGV[2] then
  if #entry > 17 then return {'revoked'} end
  return {'exists', entry}
end
redis.call('SET', KEYS[1], ARGV[1])
return {'ok'}
