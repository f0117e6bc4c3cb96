-- What wrk sends, and its results as one line of JSON.
-- With an argument every request is a POST with that many bytes, otherwise a GET. In a path `{n}` is a number that is
-- drawn anew for each request by Zipf's law, of ten thousand.

local path, most = nil, math.log(10000)

function init(arguments)
    if arguments[1] then
        wrk.method = "POST"
        wrk.body = string.rep("u", tonumber(arguments[1]))
    end
    if wrk.path:find("{n}", 1, true) then
        path = wrk.path
        math.randomseed(20261127)
        request = function()
            -- The logarithm of a rank is as good as even when its exponent is 1.
            return wrk.format(nil, (path:gsub("{n}", math.floor(math.exp(math.random() * most)))))
        end
    end
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\nRESULT {"requests": %d, "seconds": %.6f, "bytes": %d, "p50_us": %.1f, "p99_us": %.1f, "failed": %d}\n',
        summary.requests, summary.duration / 1e6, summary.bytes,
        latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
