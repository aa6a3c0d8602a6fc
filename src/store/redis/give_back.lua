-- KEYS[1] counters; ARGV 1 kind, 2 bucket, 3 calls
local field = field_of(ARGV[1], tonumber(ARGV[2]))
local held = tonumber(redis.call('HGET', KEYS[1], field) or '0')
local back = math.min(tonumber(ARGV[3]), held)
if back > 0 then redis.call('HINCRBY', KEYS[1], field, string.format('%.0f', -back)) end
return back
