-- Books slots: the earliest moments, by this server's clock, at which the messages of lanes may go out.
--
-- KEYS  for each plan the lane's hash, then the pairs (one key for each recipient)
-- ARGV  one JSON array of plans. The keys of a plan follow the `first` ones, and a request names its pair by the place
--       among them. Times are microseconds. The margin of `window` and `gap` is 1 %, and at least the `guard`, which
--       depends on the caller's way to the server that counts. A plan has one of three forms:
--         `requests`  books them and returns {now, kind, delay, kind, delay, ...}
--         `slow`      starts the hold after a 429, raises the guard for `guarded`, and returns 0
--         neither     returns how many urgent and how many marketing messages fit into the horizon
--
-- The fields of the lane's hash:
--   log                the slots that still count, oldest first
--   urgent, marketing  for each class, the moment at which its burst credit is complete again
--   hold, factor       the end of the hold after a 429, and the share of the pace at that moment
--   window             the window of the last booking, for a hold, whose plan has none
--   allowance          that of the last booking: `window/count/burst/reserved`, the window without its margin
--   guards             the guards of the callers whose slots may still count, each with the moment until which they may
--   promise            the slot that is promised to a heavy message
--   run                the run_id of the server that wrote the hash
--
-- The script does not trust a hash from another run, which may come from an old snapshot, nor one with slots in the
-- future, which was written before the clock was set back. Nor does it trust one whose log does not have all slots of the
-- window: the allowance has a longer window since, or had no limit for a time. It then returns -1 and expects a plan
-- with a `seed`: the ages of the slots that the ledger has recorded.

local SECOND = 1000000
local DAY = 86400 * SECOND
local SLOT, LANE_LIMIT, PAIR_LIMIT, UNSEEDED = 0, 1, 2, -1

local clock = redis.call('TIME')
local now = clock[1] * SECOND + clock[2]

-- What belongs to the plan that is executed.
local plan, lane, stored, hold, guards, guard, window, gap, factor, slots, classes, promise, pairs_full_at, refused

local function integer(number)
  return string.format('%.0f', math.ceil(number))
end

local function store(...)
  redis.call('HSET', lane, ...)
  redis.call('PEXPIRE', lane, integer((DAY + math.max(0, hold - now)) / 1000))
end

local function unpacked(value)
  return value and value ~= '' and cmsgpack.unpack(value) or nil
end

local known_run

-- Only the first plan asks for it: INFO takes as long as a booking.
local function server_run()
  if not known_run then
    local info = redis.pcall('INFO', 'server')
    known_run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or 'unknown'
  end
  return known_run
end

-- A 429 halves the pace. From the end of the hold on, a tenth of the full pace returns with each window.
local function current_factor(span)
  return math.min(1, tonumber(stored[6] or 1) + 0.1 * math.max(0, now - hold) / span)
end

-- A request that travels for long may arrive shortly before one that follows it by a window and travels faster. So the
-- largest guard holds for all callers until the slots booked with it no longer count.
local function raise_guard(length, span)
  local name = integer(length)
  guards[name] = math.max(guards[name] or 0, now + span)
  guard = math.max(guard, length)
end

local function with_margin(span)
  return math.ceil(span + math.max(0.01 * span, guard))
end

local function allowance()
  return string.format('%.0f/%d/%d/%d', plan.window, plan.count, plan.burst, plan.reserved)
end

-- A slower allowance, before a reload, took longer to complete the burst credit than this one ever does.
local function limit_debt()
  local newest = math.max(now, slots[#slots] or now)
  for _, class in pairs(classes) do class.full_at = math.min(class.full_at, newest + class.depth) end
end

-- Marketing leaves the reserved slots of every window, and as many of the burst, to urgent messages.
local function load_lane()
  raise_guard(plan.guard, plan.horizon + 2 * plan.window)
  window = with_margin(plan.window)
  gap = plan.gap > 0 and with_margin(plan.gap) or 0
  factor = current_factor(window)
  local pace = window / plan.count / factor
  local limit = plan.count - plan.reserved
  local cost = window / limit / factor
  local burst = math.min(plan.burst, plan.count)
  classes = {
    urgent = { limit = plan.count, cost = pace, depth = burst * pace, full_at = tonumber(stored[3] or 0) },
    marketing = {
      limit = limit,
      cost = cost,
      depth = math.max(cost, (burst - plan.reserved) * pace),
      full_at = tonumber(stored[4] or 0),
    },
  }
  slots = {}
  for _, at in ipairs(unpacked(stored[2]) or {}) do
    if at > now - window then slots[#slots + 1] = at end
  end
  if stored[10] and stored[10] ~= allowance() then limit_debt() end
  promise = unpacked(stored[8])
  if promise and promise.at <= now - window then promise = nil end
end

local function trusted(run)
  local newest = slots[#slots]
  local span = tonumber(string.match(stored[10] or '', '^%d+'))
  local complete = not span or span >= plan.window
  return stored[1] == run and complete and not (newest and newest > now + plan.horizon + window / factor + SECOND)
end

local function save(run)
  local urgent, marketing = integer(classes.urgent.full_at), integer(classes.marketing.full_at)
  store('run', run, 'log', cmsgpack.pack(slots), 'urgent', urgent, 'marketing', marketing, 'allowance', allowance())
  store('window', integer(window), 'guards', cmsgpack.pack(guards), 'promise', promise and cmsgpack.pack(promise) or '')
end

-- Ages are seconds. A negative age is a message that may still go out until then, so nothing is booked before it.
-- The first caller seeds the lane; later callers read the seeded hash.
local function seed(ages)
  slots, promise = {}, nil
  for _, age in ipairs(ages) do
    local at = math.ceil(now - age * SECOND)
    if at > now - window then slots[#slots + 1] = at end
  end
  table.sort(slots)
  for _, class in pairs(classes) do
    class.full_at = #slots > 0 and slots[#slots] + class.depth or 0
  end
end

-- The first moment at which the slots that prevent one more at `at` no longer do so; nil when none prevent it.
-- `others` + 1 slots prevent it when they and the new one would lie within one window.
local function next_free(at, before, others)
  local previous, following = slots[before], slots[before + 1]
  if previous and at < previous + gap then return previous + gap end
  if following and following < at + gap then return following + gap end
  for first = math.min(before + 1, #slots - others), math.max(1, before - others), -1 do
    local oldest = slots[first]
    if math.max(at, slots[first + others]) - math.min(at, oldest) < window then return oldest + window end
  end
end

-- The first free moment from `at` on, also between booked slots, and the number of slots before it.
local function find_free(at, weight, class)
  while true do
    local before = #slots
    while before > 0 and slots[before] > at do before = before - 1 end
    local later = next_free(at, before, class.limit - weight)
    if not later then return at, before end
    at = later
  end
end

-- The earliest moment for a message, the number of slots before it, and whether more than the pace delays it.
local function earliest(class, weight)
  local cost = class.cost * weight
  local paced = math.ceil(math.max(now, class.full_at + cost - math.max(class.depth, cost)))
  local at, before = find_free(math.max(paced, hold), weight, class)
  return at, before, at > paced + gap
end

local function insert(at, weight, before)
  for _ = 1, weight do table.insert(slots, before + 1, at) end
end

-- A delay beyond the pace uses up the burst credit; otherwise a burst would return with every window.
local function reserve(name, weight, at, before, delayed)
  insert(at, weight, before)
  local own, urgent = classes[name], classes.urgent
  local cost = own.cost * weight
  local full_at = math.max(own.full_at, at) + cost
  own.full_at = delayed and math.max(full_at, at + own.depth) or full_at
  if name == 'urgent' then
    classes.marketing.full_at = math.max(classes.marketing.full_at, at) + cost
  elseif at <= now then
    urgent.full_at = math.max(urgent.full_at, at) + urgent.cost * weight
  end
end

-- How many single messages of this class fit into the horizon, found by booking them on a copy.
local function capacity(name)
  local booked, urgent_full_at, marketing_full_at = slots, classes.urgent.full_at, classes.marketing.full_at
  slots = {}
  for place, at in ipairs(booked) do slots[place] = at end
  local count = -1
  repeat
    count = count + 1
    local at, before, delayed = earliest(classes[name], 1)
    local fits = at <= now + plan.horizon
    if fits then reserve(name, 1, at, before, delayed) end
  until not fits
  slots, classes.urgent.full_at, classes.marketing.full_at = booked, urgent_full_at, marketing_full_at
  return count
end

-- A message that missed its slots returns them and gets the first free ones for the same credit.
local function exchange(missed, weight, class)
  local left = weight
  for place = #slots, 1, -1 do
    if slots[place] == missed and left > 0 then
      table.remove(slots, place)
      left = left - 1
    end
  end
  return find_free(math.max(now, hold), weight, class)
end

-- Returns the slot, or nil and the moment at which the message should be requested again.
-- Single messages use every slot as it becomes free, so a heavy message that finds none within the horizon is promised
-- one beyond it. The next request of the same class and weight, which is that message again, gets the promised slot.
local function book_lane(name, weight, given_up)
  local class = classes[name]
  local limit = now + plan.horizon
  weight = math.min(weight, class.limit)
  if given_up then
    local at, before = exchange(given_up, weight, class)
    if at > limit then return nil, at end
    insert(at, weight, before)
    return at
  end
  if promise and promise.name == name and promise.weight == weight then
    if promise.at < now then
      local later, before = exchange(promise.at, weight, class)
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
    reserve(name, weight, at, before, delayed)
    return at
  end
  if weight == 1 or promise then return nil, at end
  reserve(name, weight, at, before, delayed)
  promise = { name = name, weight = weight, at = at }
  return nil, at - plan.horizon
end

-- When the recipient may receive `weight` more: WhatsApp counts with the same leaky bucket as the lane's bursts.
local function pair_open_at(key, weight)
  pairs_full_at[key] = pairs_full_at[key] or tonumber(redis.call('GET', key) or 0)
  return pairs_full_at[key] + (math.min(weight, plan.pair_burst) - plan.pair_burst) * plan.pair_pace
end

local function reserve_pair(key, weight, at)
  pairs_full_at[key] = math.max(pairs_full_at[key], at) + weight * plan.pair_pace
  redis.call('SET', key, integer(pairs_full_at[key]), 'PX', integer((pairs_full_at[key] - now + SECOND) / 1000))
end

-- Returns kind and delay. Each refused request gets a later time than the ones refused before it.
local function book(name, weight, pair, given_up)
  local open_at = pair and pair_open_at(pair, weight) or now
  if open_at > now then
    pairs_full_at[pair] = pairs_full_at[pair] + weight * plan.pair_pace
    return PAIR_LIMIT, open_at - now
  end
  local at, retry_at = now, nil
  if plan.count then at, retry_at = book_lane(name, weight, given_up) end
  if not at then
    local delay = retry_at - now + refused[name] * classes[name].cost
    refused[name] = refused[name] + weight
    return LANE_LIMIT, delay
  end
  if pair then reserve_pair(pair, weight, at) end
  return SLOT, at - now
end

-- A 429 to a request that was under way when the hold began does not halve the pace again.
local function slow(seconds)
  if now >= hold then
    local span = tonumber(stored[7] or 60 * SECOND)
    store('factor', tostring(math.max(1 / 16, current_factor(span) / 2)))
  end
  hold = math.max(hold, now + seconds)
  raise_guard(plan.guard, plan.guarded)
  store('hold', integer(hold), 'guards', cmsgpack.pack(guards))
  return 0
end

local function load_plan(given)
  plan = given
  lane = KEYS[plan.first + 1]
  stored = redis.call(
    'HMGET', lane, 'run', 'log', 'urgent', 'marketing', 'hold', 'factor', 'window', 'promise', 'guards', 'allowance'
  )
  hold = tonumber(stored[5] or 0)
  guards, guard = unpacked(stored[9]) or {}, 0
  for length, till in pairs(guards) do
    if till > now then guard = math.max(guard, tonumber(length)) else guards[length] = nil end
  end
  slots, classes, promise = nil, nil, nil
  pairs_full_at = {}
  refused = { urgent = 0, marketing = 0 }
end

local function execute()
  if plan.slow then return slow(plan.slow) end
  local run = plan.count and server_run()
  if run then
    load_lane()
    if not trusted(run) then
      if not plan.seed then return UNSEEDED end
      seed(plan.seed)
      save(run)
    end
  end
  if not plan.requests then return { capacity('urgent'), capacity('marketing') } end
  if not run and stored[1] then redis.call('HDEL', lane, 'run') end
  local answers = { now }
  for _, request in ipairs(plan.requests) do
    local name = request.urgent and 'urgent' or 'marketing'
    local pair = request.pair > 0 and KEYS[plan.first + request.pair] or nil
    local kind, delay = book(name, request.weight, pair, request.given_up)
    answers[#answers + 1] = kind
    answers[#answers + 1] = math.ceil(delay)
  end
  if run then save(run) end
  return answers
end

local results = {}
for place, given in ipairs(cjson.decode(ARGV[1])) do
  load_plan(given)
  results[place] = execute()
end
return results
