-- Books slots: the earliest moments, by this server's clock, at which a lane's messages may go out.
--
-- KEYS  the lane's hash, then the pairs (one for each recipient) that the asks name by their place here
-- ARGV  one JSON object; its times are microseconds, its `window` is already longer than the allowance's by the guard
--
-- The hash holds the log of the slots that still count, oldest first; for each class the moment at which its burst
-- credit is whole again; the end of the hold after a 429 and the part of the pace that was left then; what is promised
-- to a heavy message; and the run of the server that wrote it. A log from another run may be an old snapshot, and one
-- from the future was written before the clock was set back: neither is believed, and the answer is -1, "tell me what
-- the ledger knows".

local SECOND = 1000000
local DAY = 86400 * SECOND
local SLOT, LANE_LIMIT, PAIR_LIMIT, UNSEEDED = 0, 1, 2, -1

local lane = KEYS[1]
local plan = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * SECOND + clock[2]

local found = redis.call('HMGET', lane, 'run', 'log', 'urgent', 'marketing', 'hold', 'factor', 'window', 'promise')
local hold = tonumber(found[5] or 0)
local window, factor, slots, classes, promise

local function whole(number)
  return string.format('%.0f', math.ceil(number))
end

local function keep(...)
  redis.call('HSET', lane, ...)
  redis.call('PEXPIRE', lane, whole((DAY + math.max(0, hold - now)) / 1000))
end

local function unpacked(value)
  return value and value ~= '' and cmsgpack.unpack(value) or nil
end

local function run_of_server()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
end

-- Half the pace is left after a 429; from the end of the hold on, a tenth of the whole comes back with each window.
local function factor_now(span)
  return math.min(1, tonumber(found[6] or 1) + 0.1 * math.max(0, now - hold) / span)
end

-- Marketing leaves `kept` places of every window, and as much of the burst, to what is urgent.
local function open_lane()
  window = plan.window
  factor = factor_now(window)
  local pace = window / plan.count / factor
  local most = plan.count - plan.kept
  local cost = window / most / factor
  local burst = math.min(plan.burst, plan.count)
  classes = {
    urgent = { most = plan.count, cost = pace, depth = burst * pace, whole_at = tonumber(found[3] or 0) },
    marketing = {
      most = most,
      cost = cost,
      depth = math.max(cost, (burst - plan.kept) * pace),
      whole_at = tonumber(found[4] or 0),
    },
  }
  slots = {}
  for _, at in ipairs(unpacked(found[2]) or {}) do
    if at > now - window then slots[#slots + 1] = at end
  end
  promise = unpacked(found[8])
  if promise and promise.at <= now - window then promise = nil end
end

local function believed(run)
  local newest = slots[#slots]
  return found[1] == run and not (newest and newest > now + plan.horizon + window / factor + SECOND)
end

local function save(run)
  local log, urgent, marketing = cmsgpack.pack(slots), whole(classes.urgent.whole_at), whole(classes.marketing.whole_at)
  keep('run', run, 'log', log, 'urgent', urgent, 'marketing', marketing)
  keep('window', whole(window), 'promise', promise and cmsgpack.pack(promise) or '')
end

-- Ages in seconds; below zero for what may still go out at any moment until then, so that nothing is booked before it.
-- Whoever comes first writes them, the others find them here.
local function seed(ages)
  slots, promise = {}, nil
  for _, age in ipairs(ages) do
    local at = math.ceil(now - age * SECOND)
    if at > now - window then slots[#slots + 1] = at end
  end
  table.sort(slots)
  for _, class in pairs(classes) do
    class.whole_at = #slots > 0 and slots[#slots] + class.depth or 0
  end
end

-- Why `others` + 1 slots are in the way of one more at `at`, as the first moment at which they no longer are; nil when
-- none are. Together they would span less than a window and be too many.
local function obstacle(at, before, others)
  local previous, following = slots[before], slots[before + 1]
  if previous and at < previous + plan.gap then return previous + plan.gap end
  if following and following < at + plan.gap then return following + plan.gap end
  for first = math.min(before + 1, #slots - others), math.max(1, before - others), -1 do
    local oldest = slots[first]
    if math.max(at, slots[first + others]) - math.min(at, oldest) < window then return oldest + window end
  end
end

-- The first moment from `at` on at which nothing is in the way, also between slots that are taken already; and the
-- number of slots before it.
local function clear(at, weight, class)
  while true do
    local before = #slots
    while before > 0 and slots[before] > at do before = before - 1 end
    local later = obstacle(at, before, class.most - weight)
    if not later then return at, before end
    at = later
  end
end

-- The earliest moment for the ask, the number of slots before it, and whether more than the pace delays it.
local function earliest(class, weight)
  local cost = class.cost * weight
  local paced = math.ceil(math.max(now, class.whole_at + cost - math.max(class.depth, cost)))
  local at, before = clear(math.max(paced, hold), weight, class)
  return at, before, at > paced + plan.gap
end

local function insert(at, weight, before)
  for _ = 1, weight do table.insert(slots, before + 1, at) end
end

-- A delay that the pace alone did not ask for uses up the credit: no burst comes back with every window.
local function take(name, weight, at, before, delayed)
  insert(at, weight, before)
  local own, urgent = classes[name], classes.urgent
  local cost = own.cost * weight
  local whole_at = math.max(own.whole_at, at) + cost
  own.whole_at = delayed and math.max(whole_at, at + own.depth) or whole_at
  if name == 'urgent' then
    classes.marketing.whole_at = math.max(classes.marketing.whole_at, at) + cost
  elseif at <= now then
    urgent.whole_at = math.max(urgent.whole_at, at) + urgent.cost * weight
  end
end

-- How many single messages of this class could be booked within the horizon, tried out on a copy.
local function room(name)
  local taken, whole_urgent, whole_marketing = slots, classes.urgent.whole_at, classes.marketing.whole_at
  slots = {}
  for place, at in ipairs(taken) do slots[place] = at end
  local count = -1
  repeat
    count = count + 1
    local at, before, delayed = earliest(classes[name], 1)
    local fits = at <= now + plan.horizon
    if fits then take(name, 1, at, before, delayed) end
  until not fits
  slots, classes.urgent.whole_at, classes.marketing.whole_at = taken, whole_urgent, whole_marketing
  return count
end

-- Who comes late for his places gives them back and may have the first that are free now, for the same credit.
local function renew(late, weight, class)
  local left = weight
  for place = #slots, 1, -1 do
    if slots[place] == late and left > 0 then
      table.remove(slots, place)
      left = left - 1
    end
  end
  return clear(math.max(now, hold), weight, class)
end

-- The slot, or nil and the moment to come back at. Small messages take every place as it comes free, so a heavy one
-- that finds none within the horizon is promised one further ahead; the next ask like it, the same message come back,
-- is given that.
local function book_lane(name, weight, given_up)
  local class = classes[name]
  local limit = now + plan.horizon
  weight = math.min(weight, class.most)
  if given_up then
    local at, before = renew(given_up, weight, class)
    if at > limit then return nil, at end
    insert(at, weight, before)
    return at
  end
  if promise and promise.name == name and promise.weight == weight then
    if promise.at < now then
      local later, before = renew(promise.at, weight, class)
      insert(later, weight, before)
      promise.at = later
    end
    local at = promise.at
    if at > limit then return nil, at - plan.horizon end
    promise = nil
    return at
  end
  local at, before, delayed = earliest(class, weight)
  if at <= limit then
    take(name, weight, at, before, delayed)
    return at
  end
  if weight == 1 or promise then return nil, at end
  take(name, weight, at, before, delayed)
  promise = { name = name, weight = weight, at = at }
  return nil, at - plan.horizon
end

local whole_pairs = {}

-- When the recipient may get `weight` more: WhatsApp counts by the same leaky bucket as the lane's bursts.
local function pair_open(key, weight)
  whole_pairs[key] = whole_pairs[key] or tonumber(redis.call('GET', key) or 0)
  return whole_pairs[key] + (math.min(weight, plan.pair_burst) - plan.pair_burst) * plan.pair_pace
end

local function take_pair(key, weight, at)
  whole_pairs[key] = math.max(whole_pairs[key], at) + weight * plan.pair_pace
  redis.call('SET', key, whole(whole_pairs[key]), 'PX', whole((whole_pairs[key] - now + SECOND) / 1000))
end

local behind = { urgent = 0, marketing = 0 }

-- Kind and delay. Who is refused is told to come after those who were refused before him.
local function book(name, weight, pair, given_up)
  local open = pair and pair_open(pair, weight) or now
  if open > now then
    whole_pairs[pair] = whole_pairs[pair] + weight * plan.pair_pace
    return PAIR_LIMIT, open - now
  end
  local at, come_back = now, nil
  if plan.count then at, come_back = book_lane(name, weight, given_up) end
  if not at then
    local delay = come_back - now + behind[name] * classes[name].cost
    behind[name] = behind[name] + weight
    return LANE_LIMIT, delay
  end
  if pair then take_pair(pair, weight, at) end
  return SLOT, at - now
end

-- Answers to what was under way when the hold began do not halve again.
local function slow(seconds)
  if now >= hold then
    local known_window = tonumber(found[7] or 60 * SECOND)
    keep('factor', tostring(math.max(1 / 16, factor_now(known_window) / 2)))
  end
  hold = math.max(hold, now + seconds)
  keep('hold', whole(hold))
end

if plan.slow then return slow(plan.slow) end

local run = plan.count and run_of_server()
if run then
  open_lane()
  if not believed(run) then
    if not plan.seed then return UNSEEDED end
    seed(plan.seed)
    save(run)
  end
end
if not plan.asks then return { room('urgent'), room('marketing') } end

local answers = { now }
for _, ask in ipairs(plan.asks) do
  local kind, delay = book(ask.urgent and 'urgent' or 'marketing', ask.weight, KEYS[ask.pair], ask.given_up)
  answers[#answers + 1] = kind
  answers[#answers + 1] = math.ceil(delay)
end
if run then save(run) end
return answers
