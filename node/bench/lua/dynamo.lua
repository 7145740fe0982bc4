-- DynamoDB requests for wrk: wrk … -s dynamo.lua URL -- OPERATION ITEM_BYTES KEYS SEED TABLE
-- OPERATION: put | get-strong | get-eventual. Keys are drawn at random from KEYS of one length,
-- so every request has the same length and is three strings put together. The end prints one line
-- of JSON: requests, errors, duration and the latencies at every half percent.

local head, tail, keys

function init(args)
  local operation, bytes = args[1], tonumber(args[2])
  keys = tonumber(args[3])
  math.randomseed(tonumber(args[4]))
  local name = args[5]
  local body_head, body_tail, target
  local key = "k0000000"
  if operation == "put" then
    -- The size as DynamoDB counts it: names and values ("pk" 2, the key 8, "data" 4).
    target = "PutItem"
    body_head = '{"TableName":"' .. name .. '","Item":{"pk":{"S":"'
    body_tail = '"},"data":{"S":"' .. string.rep("x", bytes - 14) .. '"}}}'
  else
    target = "GetItem"
    local strong = operation == "get-strong" and "true" or "false"
    body_head = '{"TableName":"' .. name .. '","ConsistentRead":' .. strong .. ',"Key":{"pk":{"S":"'
    body_tail = '"}}}'
  end
  head = "POST / HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
    "\r\nX-Amz-Target: DynamoDB_20120810." .. target ..
    "\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: " ..
    (#body_head + #key + #body_tail) .. "\r\n\r\n" .. body_head
  tail = body_tail
end

function request()
  return head .. string.format("k%07d", math.random(0, keys - 1)) .. tail
end

function done(summary, latency)
  local marks = {}
  for half = 1, 199 do
    marks[#marks + 1] = tostring(latency:percentile(half / 2))
  end
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"micros":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d,"marks":[%s]}\n',
    summary.requests, summary.duration, e.connect, e.read, e.write, e.status, e.timeout,
    table.concat(marks, ",")))
end
