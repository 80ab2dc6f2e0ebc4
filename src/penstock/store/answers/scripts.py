"""What runs inside Redis for the cache. One script is one atomic step; arguments are MessagePack.

Keys, all below `<prefix>:answers:`

    v:<key>    one answer; Redis forgets it by itself when it is over
    used       sorted set: key by the time of its last use
    ends       sorted set: key by the time when it is over
    sizes      hash: bytes of each
    total      bytes of all

The four indexes are what the byte budget is held by. Should Redis evict on its own account (`maxmemory-policy`), an
answer that went counts until it would have been over or is the least recently used, and an index that went makes the
count start again; the answers it knew are then bounded by their own time only.
"""

from penstock.store.counters.link import Script

__all__ = ["CLEAR", "GET", "PUT"]

SWEEP = 100
"""Answers that are over, taken out of the indexes with one put."""
CLEAR_BATCH = 500
"""Keys looked at in one step of `CLEAR`, so that Redis is not held up."""

_COMMON = """
local arg = cmsgpack.unpack(ARGV[1])
local base = KEYS[1] .. ':answers:'
local call = redis.call
local used, ends, sizes, total = base .. 'used', base .. 'ends', base .. 'sizes', base .. 'total'

local function int(number)
  return string.format('%.0f', number)
end

local function drop(key)
  local size = call('HGET', sizes, key)
  if size then
    call('DECRBY', total, size)
    call('HDEL', sizes, key)
  end
  call('ZREM', used, key)
  call('ZREM', ends, key)
  return call('DEL', base .. 'v:' .. key)
end
"""

GET = Script(
    """
local arg = cmsgpack.unpack(ARGV[1])
local base = KEYS[1] .. ':answers:'
local value = redis.call('GET', base .. 'v:' .. arg[1])
if not value then return '' end
redis.call('ZADD', base .. 'used', 'XX', string.format('%.0f', arg[2]), arg[1])
return value
"""
)
"""Key, now in milliseconds → the value; empty without one."""

PUT = Script(
    _COMMON
    + f"""
local value, key, ttl, now, budget = ARGV[2], arg[1], arg[2], arg[3], arg[4]
for _, over in ipairs(call('ZRANGEBYSCORE', ends, '-inf', int(now), 'LIMIT', 0, {SWEEP})) do drop(over) end
drop(key)
local size = #value + #key
if size <= budget then
  call('SET', base .. 'v:' .. key, value, 'PX', int(ttl))
  call('HSET', sizes, key, size)
  call('ZADD', used, int(now), key)
  call('ZADD', ends, int(now + ttl), key)
  call('INCRBY', total, size)
end
while tonumber(call('GET', total) or 0) > budget do
  local oldest = call('ZRANGE', used, 0, 0)[1]
  if not oldest then
    call('DEL', total)
    break
  end
  drop(oldest)
end
return cmsgpack.pack({{call('ZCARD', used), tonumber(call('GET', total) or 0)}})
"""
)
"""Key, milliseconds to keep it, now in milliseconds, budget; beside them the value → answers and bytes kept."""

CLEAR = Script(
    _COMMON
    + f"""
local cursor, project, gone = arg[1], arg[2], 0
local found = call('ZSCAN', ends, cursor, 'COUNT', {CLEAR_BATCH})
for index = 1, #found[2], 2 do
  local key = found[2][index]
  if string.sub(key, 1, #project) == project then gone = gone + drop(key) end
end
return cmsgpack.pack({{found[1], gone}})
"""
)
"""Cursor (`0` first), what keys begin with → the next cursor (`0` when it is done), answers dropped."""
