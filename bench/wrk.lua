-- Prints what wrk counted as one line of JSON: its own report is for people.
-- The method comes as the first argument after `--`, and the file of a body in JSON as the second.

function init(args)
  wrk.method = args[1] or "GET"
  if args[2] then
    wrk.body = io.open(args[2]):read("a")
    wrk.headers["Content-Type"] = "application/json"
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'counted {"requests": %d, "refused": %d, "broken": %d, "p50_us": %d}\n',
    summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50)))
end
