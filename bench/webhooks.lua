-- Every request is a signed webhook: a line of a file, with signature, timestamp, invocation and
-- body between tabs. They leave at a steady pace, as long as there are free connections.
local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds; long nanoseconds; } csat_time;"
  .. " int clock_gettime(int clock, csat_time *time);")
local time = ffi.new("csat_time")
local thread_number = 0
function milliseconds()
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) * 1000 + tonumber(time.nanoseconds) / 1e6
end
function setup(thread)
  thread:set("id", thread_number)
  thread_number = thread_number + 1
end
function init(args)
  lines = {}
  local threads = tonumber(args[3])
  pause = threads * 60000 / tonumber(args[2])
  local number = 0
  for line in io.lines(args[1]) do
    if number % threads == id then lines[#lines + 1] = line end
    number = number + 1
  end
  count = 0
end
function delay()
  local now = milliseconds()
  next_at = math.max((next_at or now) + pause, now - 1000)
  return math.max(0, math.floor(next_at - now))
end
function request()
  count = count + 1
  local line = lines[count] or error("too few webhooks were made")
  local signature, timestamp, invocation, body = line:match("([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)")
  return wrk.format("POST", "/hooks/zendesk", {
    ["Content-Type"] = "application/json",
    ["X-Zendesk-Webhook-Signature"] = signature,
    ["X-Zendesk-Webhook-Signature-Timestamp"] = timestamp,
    ["X-Zendesk-Webhook-Invocation-Id"] = invocation,
  }, body)
end
