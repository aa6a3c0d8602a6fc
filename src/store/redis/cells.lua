-- KEYS[1] bucket; ARGV 1 holder, 2 number of the ask, 3 number of the last answer, 4 held, 5 back, 6 want, 7 size,
-- 8 refill per second, 9 life of a lease in µs. Answers calls granted, calls left, µs until there is one.
return cells(KEYS[1], {
  holder = ARGV[1], seq = tonumber(ARGV[2]), acked = tonumber(ARGV[3]), held = tonumber(ARGV[4]),
  back = tonumber(ARGV[5]), want = tonumber(ARGV[6]), size = tonumber(ARGV[7]), rate = tonumber(ARGV[8]),
  life = tonumber(ARGV[9]),
})
