-- What wrk sends, and how it tells what came of it: one line of JSON.
wrk.method = os.getenv("LOAD_METHOD") or "GET"
wrk.body = os.getenv("LOAD_BODY")
wrk.headers["Authorization"] = os.getenv("LOAD_AUTHORIZATION")
wrk.headers["Content-Type"] = "application/json"

local part, size = tonumber(os.getenv("LOAD_PART") or ""), tonumber(os.getenv("LOAD_SIZE") or "")
if part then
  request = function()
    local start = math.random(0, size - part - 1)
    wrk.headers["Range"] = string.format("bytes=%d-%d", start, start + part - 1)
    return wrk.format()
  end
end

function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read
    + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "p50": %f, "p95": %f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, failed
  ))
end
