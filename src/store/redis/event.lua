#!lua flags=no-writes
-- KEYS[1] activity; ARGV 1 event id, 2 most events to look at. Answers the frame, or nothing.
local most = tonumber(ARGV[2])
for from = 0, most - 1, 128 do
  local frames = redis.call('LRANGE', KEYS[1], from, math.min(from + 127, most - 1))
  for _, frame in ipairs(frames) do
    if string.sub(frame, 2, 13) == ARGV[1] then return frame end
  end
  if #frames < 128 then return false end
end
return false
