-- Books slots: the earliest moments, by this server's clock, at which a lane's messages may go out.
--
-- KEYS  the lane's hash, then the pairs (one for each recipient) that the asks name by their place here
-- ARGV  one JSON object; its times are microseconds, its `window` is already longer than the allowance's by the guard
--
-- The hash holds the log of the slots that still count, oldest first; for each class the moment at which its burst
-- credit is whole again; the end of the hold after a 429 and the part of the pace that was left then; and the run of
-- the server that wrote it. A log from another run may be an old snapshot, and one from the future was written before
-- the clock was set back: neither is believed, and the answer is -1, "tell me what the ledger knows".

local SECOND = 1000000
local DAY = 86400 * SECOND
local SLOT, LANE_LIMIT, PAIR_LIMIT, UNSEEDED = 0, 1, 2, -1

local lane = KEYS[1]
local plan = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * SECOND + clock[2]

local found = redis.call('HMGET', lane, 'run', 'log', 'urgent', 'marketing', 'hold', 'factor', 'window')
local hold = tonumber(found[5] or 0)
local window, factor, slots, classes

local function whole(number)
  return string.format('%.0f', math.ceil(number))
end

local function keep(...)
  redis.call('HSET', lane, ...)
  redis.call('PEXPIRE', lane, whole((DAY + math.max(0, hold - now)) / 1000))
end

-- Half the pace is left after a 429; from the end of the hold on, a tenth of the whole comes back with each window.
local function factor_now(span)
  return math.min(1, tonumber(found[6] or 1) + 0.1 * math.max(0, now - hold) / span)
end

local function run_of_server()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
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
  for _, at in ipairs(found[2] and cmsgpack.unpack(found[2]) or {}) do
    if at > now - window then slots[#slots + 1] = at end
  end
end

local function believed(run)
  local newest = slots[#slots]
  return found[1] == run and not (newest and newest > now + plan.horizon + window / factor + SECOND)
end

-- Ages in seconds; below zero for what may still go out at any moment until then, so that nothing is booked before it.
-- Whoever comes first writes them, the others find them here.
local function seed(ages)
  slots = {}
  for _, age in ipairs(ages) do
    local at = math.ceil(now - age * SECOND)
    if at > now - window then slots[#slots + 1] = at end
  end
  table.sort(slots)
  for _, class in pairs(classes) do
    class.whole_at = #slots > 0 and slots[#slots] + class.depth or 0
  end
end

-- Why `weight` more cannot go at `at`, as the first moment at which that reason is gone; nil when they can.
-- `others` + 1 slots that span less than a window together with `at` would make it too full.
local function obstacle(at, before, others)
  local previous, following = slots[before], slots[before + 1]
  if previous and at < previous + plan.gap then return previous + plan.gap end
  if following and following < at + plan.gap then return following + plan.gap end
  for first = math.min(before + 1, #slots - others), math.max(1, before - others), -1 do
    local oldest = slots[first]
    if math.max(at, slots[first + others]) - math.min(at, oldest) < window then return oldest + window end
  end
end

-- The earliest moment for the ask, also between slots that are taken already; and the number of slots before it.
local function earliest(class, weight)
  local cost = class.cost * weight
  local paced = math.ceil(math.max(now, class.whole_at + cost - math.max(class.depth, cost)))
  local at, before = math.max(paced, hold), nil
  repeat
    before = #slots
    while before > 0 and slots[before] > at do before = before - 1 end
    local later = obstacle(at, before, class.most - weight)
    at = later or at
  until not later
  return at, before, at > paced + plan.gap
end

-- A delay that the pace alone did not ask for uses up the credit: no burst comes back with every window.
local function take(name, weight, at, before, delayed)
  for _ = 1, weight do table.insert(slots, before + 1, at) end
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

-- Kind and delay. Who is refused reserves nothing, but is told to come after those who were refused before him.
local function book(name, weight, pair)
  if pair and pair_open(pair, weight) > now then
    local delay = pair_open(pair, weight) - now
    whole_pairs[pair] = whole_pairs[pair] + weight * plan.pair_pace
    return PAIR_LIMIT, delay
  end
  local at = now
  if plan.count then
    local class = classes[name]
    weight = math.min(weight, class.most)
    local before, delayed
    at, before, delayed = earliest(class, weight)
    -- A heavy message needs many turns: it counts from its first one, or small ones would push it back for ever.
    local first_turn = at - (weight - 1) * class.cost
    if first_turn > now + plan.horizon then
      local delay = first_turn - now + behind[name] * class.cost
      behind[name] = behind[name] + weight
      return LANE_LIMIT, delay
    end
    take(name, weight, at, before, delayed)
  end
  if pair then take_pair(pair, weight, at) end
  return SLOT, at - now
end

local function slow(seconds)
  if now >= hold then
    local known_window = tonumber(found[7] or 60 * SECOND)
    keep('factor', tostring(math.max(1 / 16, factor_now(known_window) / 2)))
  end
  hold = math.max(hold, now + seconds)
  keep('hold', whole(hold))
end

local run = plan.count and run_of_server()

local function save()
  local log, urgent, marketing = cmsgpack.pack(slots), whole(classes.urgent.whole_at), whole(classes.marketing.whole_at)
  keep('run', run, 'log', log, 'urgent', urgent, 'marketing', marketing, 'window', whole(window))
end

if plan.slow then return slow(plan.slow) end
if plan.count then
  open_lane()
  if not believed(run) then
    if not plan.seed then return UNSEEDED end
    seed(plan.seed)
    save()
  end
end
if not plan.asks then return { room('urgent'), room('marketing') } end

local answers = {}
for _, ask in ipairs(plan.asks) do
  local kind, delay = book(ask.urgent and 'urgent' or 'marketing', ask.weight, KEYS[ask.pair])
  answers[#answers + 1] = kind
  answers[#answers + 1] = math.ceil(delay)
end
if plan.count then save() end
return answers
