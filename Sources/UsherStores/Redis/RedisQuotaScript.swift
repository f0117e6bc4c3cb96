/// The one script that decides: takes a cost from all windows of a limit or from none, as `QuotaLimit.offer` does.
///
/// KEYS[1] is the caller's key. ARGV has two numbers for each window, both in nanoseconds: the price (the cost times
/// the window's interval, or more than the span when that would not fit into it) and the span. The answer is 1 or 0,
/// then the debt of each window in nanoseconds.
///
/// The value is text: the moment of the last change in microseconds since 1970, by the server's clock, and what the
/// debt of each window was then. A moment with debts and not a moment for each window at which it is whole again,
/// because Lua has only doubles, which are exact up to 2⁵³: today's moments in microseconds are a fifth of that, so
/// they hold no fraction that would do for 1,000,000/s, where one unit is a microsecond and 1 % of it 10 ns. Debts in
/// nanoseconds are exact up to 104 days; a window of more has intervals of 9 ms and more, and is off by 4 ns at most.
///
/// When the clock goes back (it was set, or a replica with another clock was promoted) the debts are kept as they were,
/// but count from now on, even for a call that is refused. And a debt counts as the window's span at most, from the
/// last change on, whatever the limit was then: nobody waits longer than the windows do.
///
/// A key expires a second after all of its windows are whole, when it says nothing any more.
enum RedisQuotaScript {
    /// The error about a key that somebody else has written.
    static let foreignValue = "ERR the key holds something that is no quota"

    static let text = """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local value = redis.call('GET', KEYS[1])
        local debts = {}
        local passed = 0
        if value then
            local at, rest = string.match(value, '^(%d+)([ %d]+)$')
            if not at then return redis.error_reply('\(foreignValue)') end
            passed = now - at
            for debt in string.gmatch(rest, '%d+') do debts[#debts + 1] = tonumber(debt) end
        end
        local count = #ARGV / 2
        local allowed = 1
        for i = 1, count do
            local span = tonumber(ARGV[2 * i])
            debts[i] = math.max(math.min(debts[i] or 0, span) - math.max(passed, 0) * 1000, 0)
            if debts[i] > span - ARGV[2 * i - 1] then allowed = 0 end
        end
        if allowed == 1 or passed < 0 then
            local text = string.format('%.0f', now)
            local longest = 0
            for i = 1, count do
                debts[i] = debts[i] + allowed * ARGV[2 * i - 1]
                longest = math.max(longest, debts[i])
                text = text .. string.format(' %.0f', debts[i])
            end
            redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', math.ceil(longest / 1000000) + 1000))
        end
        return {allowed, unpack(debts, 1, count)}
        """
}
