-- ARGV 1 prefix of the keys, 2 channel. Answers the names of commands that the user may not run, of those that scripts run
-- or that only rare calls send.
local missing = {}
local key = ARGV[1] .. ':key'
local needed = {
  {'GET', key}, {'SET', key, ''}, {'DEL', key}, {'EXISTS', key}, {'INCR', key}, {'EXPIRE', key, '1'},
  {'ZADD', key, '0', ''}, {'ZREM', key, ''}, {'ZRANGE', key, '0', '1'}, {'ZCARD', key},
  {'ZREMRANGEBYSCORE', key, '0', '1'}, {'LPUSH', key, ''}, {'LTRIM', key, '0', '1'}, {'LRANGE', key, '0', '1'},
  {'LPOS', key, ''}, {'LLEN', key}, {'HSET', key, '', ''}, {'HGET', key, ''}, {'HGETALL', key},
  {'HINCRBY', key, '', '1'}, {'HDEL', key, ''}, {'TIME'}, {'PUBLISH', ARGV[2], ''}, {'EVALSHA', '', '1', key},
}
for _, command in ipairs(needed) do
  -- It raises an error for a command that does not exist, or not by this name.
  local known, allowed = pcall(redis.acl_check_cmd, unpack(command))
  if not (known and allowed) then missing[#missing + 1] = string.lower(command[1]) end
end
return missing
