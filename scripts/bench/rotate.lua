-- wrk script: every request carries the next of the bearer tokens in the file named by the first argument.
-- The requests are built once, so that a request costs one table read. `done` prints one JSON line.

local requests, at, count = {}, 0, 0

function init(args)
  for secret in io.lines(args[1]) do
    count = count + 1
    requests[count] = wrk.format("GET", nil, { ["Host"] = "bench.test", ["Authorization"] = "Bearer " .. secret })
  end
  -- Where the rotation starts; differs from round to round.
  at = tonumber(args[2] or "0") % count
end

function request()
  at = at % count + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "broken": %d, "refused": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
