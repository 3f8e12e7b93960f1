-- What wrk asks for: the paths that follow `--`, one after the other in a random order, or with
-- `mixed` what a service meets besides. At the end, how many answers had which status.

local thumbnails, others, threads = {}, {}, {}
local mixed = false

function setup(thread) table.insert(threads, thread) end

function init(args)
  math.randomseed(tonumber(args[1]))
  for i = 2, #args do
    if args[i] == "mixed" then mixed = true else table.insert(thumbnails, args[i]) end
  end
  statuses, socket_errors = {}, 0
  others = {
    wrk.format("GET", "/thumbnail/300/cut.jpg"),
    wrk.format("GET", "/thumbnail/300/text.jpg"),
    wrk.format("GET", "/thumbnail/300/huge.jpg"),
    wrk.format("GET", "/thumbnail/300/none.jpg"),
    wrk.format("GET", "/thumbnail/0x0/256.jpg"),
    wrk.format("GET", "/thumbnail/20000/256.jpg?enlarge=true"),
    wrk.format("GET", "/thumbnail/300/256.jpg?quality=1000"),
    wrk.format("GET", "/thumbnail/300/..%2f..%2fetc/passwd"),
    wrk.format("GET", "/thumbnail/%zz/256.jpg"),
    wrk.format("GET", "/info/256.jpg"),
    wrk.format("GET", "/metrics"),
    wrk.format("DELETE", "/thumbnail/100/256.jpg"),
    wrk.format("POST", "/thumbnail/100", nil, string.rep("x", 100000)),
  }
end

function request()
  if mixed and math.random(3) == 1 then return others[math.random(#others)] end
  return wrk.format("GET", thumbnails[math.random(#thumbnails)])
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

function done(summary, latency)
  local all = {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("statuses")) do all[status] = (all[status] or 0) + count end
  end
  for status, count in pairs(all) do print("status " .. status .. " " .. count) end
  print("seconds " .. summary.duration / 1e6)
  for name, count in pairs(summary.errors) do
    if name ~= "status" then print("error " .. name .. " " .. count) end
  end
  for _, percentile in ipairs({ 50, 90, 99 }) do
    print("percentile " .. percentile .. " " .. latency:percentile(percentile) / 1e3)
  end
end
