-- Every request is a form for a ticket of its own, as different customers send it.
local thread_number = 0
function setup(thread)
  thread:set("id", thread_number)
  thread_number = thread_number + 1
end
function init(args)
  run = args[1]
  count = 0
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
