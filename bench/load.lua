-- What wrk sends, and what it says at its end; see load.py.
--
-- After `--`: a file that lists the files whose contents are sent in turn, one a line; then header fields as
-- Name:value.

local requests = {}
local at = 0

function init(arguments)
  local headers = {}
  for i = 2, #arguments do
    local name, value = arguments[i]:match("^([^:]+):(.*)$")
    headers[name] = value
  end
  for path in io.lines(arguments[1]) do
    local file = assert(io.open(path, "rb"))
    requests[#requests + 1] = wrk.format("POST", nil, headers, file:read("*a"))
    file:close()
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"requests":%d,"seconds":%f,"not_200":%d,"broken":%d,"p50_us":%f,"p99_us":%f,"mean_us":%f,"max_us":%f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.mean, latency.max))
end
