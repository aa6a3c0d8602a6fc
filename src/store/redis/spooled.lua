#!lua
-- Appends events of a spool, each once: those up to the mark are there, whichever try brought them.
-- KEYS 1 activity, 2 the spool's mark; ARGV 1 life of the mark in s, 2 whether to look for each frame too, then position
-- and frame in turns, oldest first. Answers the length of the list.
local done = tonumber(redis.call('GET', KEYS[2]) or '-1')
local fresh, last = {}, done
for i = 3, #ARGV, 2 do
  local at = tonumber(ARGV[i])
  if at > done then
    last = at
    if ARGV[2] == '0' or not redis.call('LPOS', KEYS[1], ARGV[i + 1]) then fresh[#fresh + 1] = ARGV[i + 1] end
  end
end
if last > done then redis.call('SET', KEYS[2], string.format('%.0f', last), 'EX', ARGV[1]) end
if #fresh == 0 then return redis.call('LLEN', KEYS[1]) end
return redis.call('LPUSH', KEYS[1], unpack(fresh))
