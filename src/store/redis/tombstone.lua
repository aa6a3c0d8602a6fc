#!lua flags=allow-oom
-- KEYS[1] secret outside its token's tag; ARGV 1 tombstone, 2 its life in s
return redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
