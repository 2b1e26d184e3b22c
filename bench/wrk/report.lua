-- One line at the end for the script that called: requests/s, p50 and p99 in microseconds, answers that were no success.
function done(summary, latency)
	local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status +
		summary.errors.timeout
	io.write(string.format("RESULT %.0f %.0f %.0f %d\n", summary.requests / (summary.duration / 1e6),
		latency:percentile(50), latency:percentile(99), failed))
end
