-- Shared by the scripts that lease from a token's minute bucket; src/limit/fleet.rs tells why it never grants too much.
-- The key holds a MessagePack array: millionths of a call in use (held ones included), the time in µs up to which they
-- were refilled, then for each holder: name, number of its last ask, calls it may hold, time in µs until which it may.
-- No key = a full bucket that nobody holds calls of. `ask` is a table of numbers with the fields of CellAsk, life in µs.
local UNIT = 1000000

local function cells(key, ask)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local used, at, live, own, out = 0, now, {}, nil, 0
  local packed = redis.call('GET', key)
  if packed then
    local state = cmsgpack.unpack(packed)
    used, at = state[1], math.min(state[2], now)
    for i = 3, #state, 4 do
      local ends = math.min(state[i + 3], now + ask.life)
      live[#live + 1] = {id = state[i], seq = state[i + 1], out = state[i + 2], ends = ends}
      out = out + state[i + 2]
    end
    table.sort(live, function(a, b) return a.ends < b.ends end)
  end

  local function refill(till)
    local span = math.max(till - at, 0)
    local gain = math.floor(span * ask.rate)
    if used - gain <= out * UNIT then
      used, at = math.max(out * UNIT, 0), math.max(at, till)
    else
      used, at = used - gain, at + math.min(span, math.ceil(gain / ask.rate))
    end
  end

  local kept = {}
  for _, holder in ipairs(live) do
    if holder.ends <= now then
      refill(holder.ends)
      out = out - holder.out
    else
      kept[#kept + 1] = holder
      if holder.id == ask.holder then own = holder end
    end
  end
  refill(now)

  local granted, free = 0, 0
  if not (own and ask.seq <= own.seq) then
    if not own then
      own = {id = ask.holder, out = ask.held}
      kept[#kept + 1] = own
      out = out + own.out
      used = math.max(used, out * UNIT)
    elseif ask.acked == own.seq then
      local back = math.max(math.min(ask.back, own.out - ask.held), 0)
      used = used - back * UNIT
      out = out - own.out + ask.held
      own.out = ask.held
      used = math.max(used, out * UNIT)
    end
    free = math.max(math.floor((ask.size * UNIT - used) / UNIT), 0)
    -- A quarter of what is left, but the last few at once: those who want many would ask many times.
    granted = math.min(ask.want, math.max(math.floor(free / 4), 8), free)
    used, out, own.out = used + granted * UNIT, out + granted, own.out + granted
    own.seq, own.ends = ask.seq, now + ask.life
    local state, last = {used, at}, now
    for _, holder in ipairs(kept) do
      if holder.out > 0 then
        state[#state + 1], state[#state + 2], state[#state + 3], state[#state + 4] =
          holder.id, holder.seq, holder.out, holder.ends
        last = math.max(last, holder.ends)
      end
    end
    if used > 0 then
      local life = math.ceil((last - now + used / ask.rate) / 1000) + 1
      redis.call('SET', key, cmsgpack.pack(state), 'PX', string.format('%.0f', life))
    elseif packed then
      redis.call('DEL', key)
    end
  else
    free = math.max(math.floor((ask.size * UNIT - used) / UNIT), 0)
  end

  local wait = 0
  if free - granted < 1 then
    wait = math.ceil((used + UNIT - ask.size * UNIT) / ask.rate)
    if out >= ask.size then
      local first = now + ask.life
      for _, holder in ipairs(kept) do
        if holder.out > 0 then first = math.min(first, holder.ends) end
      end
      wait = math.max(wait, first - now)
    end
  end
  return {granted, free - granted, math.max(wait, 0)}
end
