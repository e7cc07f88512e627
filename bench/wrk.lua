-- Prints what wrk counted as one line of JSON: its own report is for people.
-- The method comes as the first argument after `--`.

function init(args)
  wrk.method = args[1] or "GET"
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'counted {"requests": %d, "refused": %d, "broken": %d, "p50_us": %d}\n',
    summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50)))
end
