"""What runs inside Redis. One script is one atomic step; arguments and replies are MessagePack.

Keys, all below `<prefix>:`

    epoch                           names the data set; a new one when the data was lost
    <epoch>:turns                   how many steps were taken; fewer than seen before: an old copy was restored
    <epoch>:now                     latest time that a worker brought
    <epoch>:c:<counter>:<start>     hash; b: booked (of tokens: with estimates), r: borrowed
    <epoch>:c:<counter>             hash; r: slots taken
    <epoch>:lent                    hash: ticket → what it borrowed
    <epoch>:leases                  sorted set: ticket by the end of its lease
    <epoch>:w:<worker>              number of the last batch of returns taken from this worker
    <epoch>:seeded, :from:<worker>  what was there before the epoch has been added
"""

__all__ = ["BOOK", "JOIN", "READ", "SET", "TURN"]

KEEP_MILLISECONDS = 40 * 86_400_000
"""Longer than the longest window."""

_COMMON = f"""
local arg = cmsgpack.unpack(ARGV[1])
local prefix = KEYS[1] .. ':'
local epoch = arg[1]
local base = prefix .. epoch .. ':'
local keep = {KEEP_MILLISECONDS}
local call, pack, unpack_ = redis.call, cmsgpack.pack, cmsgpack.unpack
local floor = math.floor

local function int(number)
  return string.format('%.0f', number)
end

local function field(key, name)
  return tonumber(call('HGET', key, name) or 0)
end

local function add(key, name, amount, ttl)
  if amount ~= 0 and call('HINCRBY', key, name, int(amount)) == amount then
    call('PEXPIRE', key, int(ttl))
  end
end
"""


TURN = (
    _COMMON
    + """
local seen, now, worker, batch, borrows, settles = arg[2], arg[3], arg[4], arg[5], arg[6], arg[7]

if call('GET', prefix .. 'epoch') ~= epoch then
  return pack({-1, 0, {}})
end
local turns = call('INCR', base .. 'turns')
if turns <= seen then
  return pack({-1, 0, {}})
end
if turns % 1000 == 1 then
  call('PEXPIRE', prefix .. 'epoch', keep)
  call('PEXPIRE', base .. 'turns', keep)
  call('PEXPIRE', base .. 'seeded', keep)
end

-- Workers' clocks may differ a little: time does not go back for that.
local latest = tonumber(call('GET', base .. 'now') or 0)
if latest > now and latest - now <= 1000000 then
  now = latest
else
  call('SET', base .. 'now', int(now), 'PX', keep)
end

local lent, leases = base .. 'lent', base .. 'leases'

local function release(ticket)
  local record = call('HGET', lent, ticket)
  if not record then
    return
  end
  local list = unpack_(record)
  for i = 1, #list, 3 do
    -- The window may be over and its key gone: then there is nothing to take back.
    if call('HINCRBY', list[i], list[i + 1], int(-list[i + 2])) < 0 then
      call('HDEL', list[i], list[i + 1])
    end
  end
  call('HDEL', lent, ticket)
  call('ZREM', leases, ticket)
end

for _, ticket in ipairs(call('ZRANGEBYSCORE', leases, '-inf', int(now), 'LIMIT', 0, 100)) do
  release(ticket)
end

if batch > 0 and batch > tonumber(call('GET', base .. 'w:' .. worker) or 0) then
  for _, settle in ipairs(settles) do
    if settle[1] ~= '' then
      release(settle[1])
    end
    local books = settle[2]
    for i = 1, #books, 3 do
      add(base .. 'c:' .. books[i], 'b', books[i + 1], books[i + 2])
    end
  end
  call('SET', base .. 'w:' .. worker, int(batch), 'PX', keep)
end

-- A claim is {kind, counter, amount, hard or -1, width or start, ttl}.
local REQUESTS, TOKENS, SLOTS = 1, 2, 3
local lends = false

local function borrow(ask)
  local ticket, lease, claims, extends = ask[1], ask[2], ask[3], ask[4]
  local answer, keys, refused = {0}, {}, 0
  for i, claim in ipairs(claims) do
    local kind, current, previous, used = claim[1], 0, 0, 0
    if kind <= TOKENS then
      local width = claim[5]
      local start = now - now % width
      keys[i] = base .. 'c:' .. claim[2] .. ':' .. int(start)
      current = field(keys[i], 'b')
      previous = field(base .. 'c:' .. claim[2] .. ':' .. int(start - width), 'b')
      used = current + floor(previous * (width - (now - start)) / width + 0.5)
    elseif kind == SLOTS then
      keys[i] = base .. 'c:' .. claim[2]
      current = field(keys[i], 'r')
      used = current
    else
      keys[i] = base .. 'c:' .. claim[2] .. ':' .. claim[5]
      local both = call('HMGET', keys[i], 'b', 'r')
      previous = tonumber(both[1] or 0)
      current = previous + tonumber(both[2] or 0)
      used = current
    end
    local amount, hard = claim[3], claim[4]
    if refused == 0 and hard >= 0 and used + (amount > 0 and amount or 1) > hard then
      refused = i
    end
    answer[2 * i] = current
    answer[2 * i + 1] = previous
  end
  if refused > 0 then
    answer[1] = refused
    return answer
  end
  local record = {}
  if extends == 1 then
    local before = call('HGET', lent, ticket)
    if before then
      record = unpack_(before)
    end
  end
  for i, claim in ipairs(claims) do
    local kind, amount = claim[1], claim[3]
    local name = kind <= TOKENS and 'b' or 'r'
    if kind == SLOTS then
      call('HINCRBY', keys[i], name, amount)
      call('PEXPIRE', keys[i], int(lease / 500))
    else
      add(keys[i], name, amount, claim[6])
    end
    if kind ~= REQUESTS and amount ~= 0 then
      record[#record + 1] = keys[i]
      record[#record + 1] = name
      record[#record + 1] = amount
    end
    answer[2 * i] = answer[2 * i] + amount
  end
  if #record > 0 then
    call('HSET', lent, ticket, pack(record))
    call('ZADD', leases, int(now + lease), ticket)
    lends = true
  end
  return answer
end

local answers = {}
for i, ask in ipairs(borrows) do
  answers[i] = borrow(ask)
end
if lends then
  call('PEXPIRE', lent, keep)
  call('PEXPIRE', leases, keep)
end
return pack({turns, now, answers})
"""
)
"""`{epoch, turns seen, now, worker, batch, borrows, settles}` → `{turns or -1, now used, answers}`.

A borrow is `{ticket, lease in µs, claims, 1 when it extends}`, its answer `{0 or the number of the claim that did
not fit, current and previous of each claim}`. A settle is `{ticket or '', {counter:start, amount, ttl, …}}`.
Batches of settles are numbered, so that one sent twice counts once; 0 is none.
"""

JOIN = (
    _COMMON
    + """
local fresh, worker = arg[2], arg[3]
local current = call('GET', prefix .. 'epoch')
-- `epoch` is the data set that this worker found to be an old copy, or nothing.
if not current or (epoch ~= '' and current == epoch) then
  call('SET', prefix .. 'epoch', fresh, 'PX', keep)
  current = fresh
end
base = prefix .. current .. ':'
local seeded = call('EXISTS', base .. 'seeded')
if seeded == 0 then
  call('SET', base .. 'seeding', worker, 'NX', 'PX', 10000)
  if call('GET', base .. 'seeding') == worker then
    seeded = 2
  end
end
-- A Redis that takes no writes (full, read-only) fails here, and not with every call.
local turns = call('INCR', base .. 'turns')
call('PEXPIRE', base .. 'turns', keep)
return pack({current, seeded, turns})
"""
)
"""`{epoch to replace or '', a new name, worker}` → `{epoch, 0 | 1 | 2, turns}`; 1: seeded, 2: this worker is to."""

BOOK = (
    _COMMON
    + """
local marker, books = arg[2], arg[3]
if call('GET', prefix .. 'epoch') ~= epoch then
  return pack({-1})
end
if not call('SET', base .. marker, '1', 'NX', 'PX', keep) then
  return pack({0})
end
for i = 1, #books, 3 do
  add(base .. 'c:' .. books[i], 'b', books[i + 1], books[i + 2])
end
return pack({1})
"""
)
"""`{epoch, marker, {counter:start, amount, ttl, …}}` → `{1}`; `{0}` when the marker was there already."""

READ = (
    _COMMON
    + """
if call('GET', prefix .. 'epoch') ~= epoch then
  return pack({})
end
local found = {1}
for i, key in ipairs(arg[2]) do
  local both = call('HMGET', base .. 'c:' .. key, 'b', 'r')
  found[2 * i] = tonumber(both[1] or 0)
  found[2 * i + 1] = tonumber(both[2] or 0)
end
return pack(found)
"""
)
"""`{epoch, {counter:start, …}}` → `{1, booked and borrowed of each}`; `{}` of another epoch."""

SET = (
    _COMMON
    + """
if call('GET', prefix .. 'epoch') ~= epoch then
  return pack({})
end
local before, books = {1}, arg[2]
for i = 1, #books, 3 do
  local key = base .. 'c:' .. books[i]
  before[#before + 1] = field(key, 'b')
  call('HSET', key, 'b', int(books[i + 1]))
  call('PEXPIRE', key, int(books[i + 2]))
end
return pack(before)
"""
)
"""`{epoch, {counter:start, value, ttl, …}}` → `{1, what was booked before}`; `{}` of another epoch."""
