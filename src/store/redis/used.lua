-- KEYS[1] counters; ARGV 1 kind, 2 first, 3 bucket
local used, oldest = usage(KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]))
return {used, oldest}
