-- Every request is a form for a ticket of its own, as different customers send it. With a limit in
-- microseconds, `done` tells how many took longer.
local thread_number = 0
local first_thread
function setup(thread)
  thread:set("id", thread_number)
  first_thread = first_thread or thread
  thread_number = thread_number + 1
end
function init(args)
  run = args[1]
  limit = args[2]
  count = 0
end
function done(summary, latency, requests)
  local limit = tonumber(first_thread:get("limit"))
  if not limit then return end
  local slower = 0
  for i = 1, #latency do
    local microseconds, times = latency(i)
    if microseconds > limit then slower = slower + times end
  end
  print("Slower: " .. slower .. " of " .. summary.requests)
end
function request()
  count = count + 1
  local ticket = run .. "-" .. id .. "-" .. count
  local body = "submit_id=" .. ticket .. "&rating=" .. (count % 5 + 1) .. "&comment=Thank+you"
  return wrk.format(
    "POST",
    "/?distinct_id=customer-" .. ticket .. "&ticketId=" .. ticket .. "&team=web_analytics",
    {["Content-Type"] = "application/x-www-form-urlencoded"},
    body
  )
end
