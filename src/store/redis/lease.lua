-- Shared by the scripts that lease: what the counters of one kind add up to, and taking from them.
-- A counter is a field `<kind><number>` of the token's hash; counters more than one before the period are stale.
local function usage(key, kind, first, bucket)
  local used, oldest, stale = 0, bucket, {}
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 1) == kind then
      local number, calls = tonumber(string.sub(all[i], 2)), tonumber(all[i + 1])
      if number and calls then
        if number < first - 1 then
          stale[#stale + 1] = all[i]
        elseif number >= first and number <= bucket and calls > 0 then
          used = used + calls
          if number < oldest then oldest = number end
        end
      end
    end
  end
  return used, oldest, stale
end

local function field_of(kind, bucket)
  return kind .. string.format('%.0f', bucket)
end

local function lease(key, size, kind, first, bucket)
  local used, oldest, stale = usage(key, kind, first, bucket)
  if #stale > 0 then redis.call('HDEL', key, unpack(stale)) end
  local left = math.max(size - used, 0)
  local granted = math.min(math.max(math.min(math.floor(left / 64), 1000), 1), left)
  if granted > 0 then
    redis.call('HINCRBY', key, field_of(kind, bucket), string.format('%.0f', granted))
  end
  return granted, left - granted, oldest
end
