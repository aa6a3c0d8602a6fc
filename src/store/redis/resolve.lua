-- KEYS[1] secret (or record, if ARGV[2] names the token)
-- ARGV    1 key base of the tag, 2 token id or '', 3 now in ms, 4 holder, 5 life of leased calls in µs, then per plan:
--         name, size or '', kind, first, bucket, then of its shared bucket: size or '', refill per second, calls wanted
-- Answers {0} unknown, {1, tombstone}, {2, id} forward, {3, record, quota, calls}: quota is {} or what lease() answers, calls
-- {} or what cells() answers
local id = ARGV[2]
if id == '' then
  local entry = redis.call('GET', KEYS[1])
  if not entry then return {0} end
  if #entry == 17 then return {2, string.sub(entry, 2)} end
  if #entry ~= 16 then return {1, entry} end
  id = entry
end
local short = string.sub(id, 1, 12)
local record = redis.call('GET', ARGV[1] .. 't:' .. short)
if not record or #record < 27 then return {0} end

local function word(at)
  local a, b, c, d, e, f, g, h = string.byte(record, at, at + 7)
  if a > 127 then a = a - 256 end
  return ((((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256 + g) * 256 + h
end

local now = tonumber(ARGV[3])
if string.byte(record, 26) ~= 1 or word(9) <= now then return {3, record, {}, {}} end
local plan = string.sub(record, 28, 27 + string.byte(record, 27))
local row, fallback
for i = 6, #ARGV, 8 do
  if ARGV[i] == plan then row = i break end
  if ARGV[i] == 'default' then fallback = i end
end
row = row or fallback
if not row then return {3, record, {}, {}} end
local quota, calls = {}, {}
local shared = ARGV[row + 5] ~= ''
-- In a slot on its way to another node this fails where the bucket is not here: before anything has been taken.
if shared then redis.call('EXISTS', ARGV[1] .. 'b:' .. short) end
if ARGV[row + 1] ~= '' then
  local kind, first, bucket = ARGV[row + 2], tonumber(ARGV[row + 3]), tonumber(ARGV[row + 4])
  if kind == 't' then
    bucket = math.floor(math.max(now - word(18), 0) / 2592000000)
    first = bucket
  end
  quota = {lease(ARGV[1] .. 'm:' .. short, tonumber(ARGV[row + 1]), kind, first, bucket)}
end
if shared then
  calls = cells(ARGV[1] .. 'b:' .. short, {
    holder = ARGV[4], seq = 1, acked = 0, held = 0, back = 0, want = tonumber(ARGV[row + 7]),
    size = tonumber(ARGV[row + 5]), rate = tonumber(ARGV[row + 6]), life = tonumber(ARGV[5]),
  })
end
return {3, record, quota, calls}
