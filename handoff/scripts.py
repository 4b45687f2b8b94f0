"""What Redis decides in one step. Every script takes the same keys, all of one hash tag and so of one slot.

Each begins with ``_HEAD``; -1 (or the list {-1}) says that the epoch key is missing: Redis was wiped.
``held`` and ``load`` change only together and only when something really changed, so that repeating a
script never counts twice.
"""

from __future__ import annotations

from core.redis_keys import (
    QUEUE_AGENTS,
    QUEUE_CLAIMS,
    QUEUE_EPOCH,
    QUEUE_FACTS,
    QUEUE_HELD,
    QUEUE_IDLE,
    QUEUE_LOAD,
    QUEUE_OFFERS,
    QUEUE_ONLINE,
    QUEUE_READY,
    QUEUE_SEQUENCE,
    QUEUE_WAITING,
)
from handoff.routing import SKILL_GROUPS

KEYS = [
    QUEUE_EPOCH, QUEUE_CLAIMS, QUEUE_FACTS, QUEUE_HELD, QUEUE_LOAD, QUEUE_OFFERS, QUEUE_AGENTS, QUEUE_IDLE,
    QUEUE_SEQUENCE,
    *(prefix + group for prefix in (QUEUE_WAITING, QUEUE_READY, QUEUE_ONLINE) for group in SKILL_GROUPS),
]  # fmt: skip
"""Nine keys, then one of each kind per skill group, in the order of ``SKILL_GROUPS``."""

_HEAD = """
local E, C, F, H, L, O, A, I, S = unpack(KEYS, 1, 9)
local groups = (#KEYS - 9) / 3
local function W(g) return KEYS[9 + g] end
local function R(g) return KEYS[9 + groups + g] end
local function N(g) return KEYS[9 + 2 * groups + g] end
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function load_of(agent) return tonumber(redis.call('HGET', L, agent) or '0') end
-- Who has least to do comes first, among equals who was idle longest; a counter, because clocks jump.
local function place(agent)
  local info = redis.call('HGET', A, agent)
  local work, mine = 0, {}
  if info then
    local known = cjson.decode(info)
    for _, g in ipairs(known.g) do mine[g] = true end
    work = load_of(agent)
    if work >= known.c or redis.call('HEXISTS', O, agent) == 1 then info = 'full' end
  end
  for g = 1, groups do
    if mine[g] then redis.call('SADD', N(g), agent) else redis.call('SREM', N(g), agent) end
    if mine[g] and info ~= 'full' then
      local since = tonumber(redis.call('HGET', I, agent) or '0')
      redis.call('ZADD', R(g), work * 2^40 + since, agent)
    else
      redis.call('ZREM', R(g), agent)
    end
  end
end
local function stamp(agent) redis.call('HSET', I, agent, redis.call('INCR', S)) end
local function release(h)
  local agent = redis.call('HGET', H, h)
  if not agent then return end
  redis.call('HDEL', H, h)
  if redis.call('HINCRBY', L, agent, -1) <= 0 then redis.call('HDEL', L, agent) end
  if redis.call('HGET', O, agent) == h then redis.call('HDEL', O, agent) end
  stamp(agent)
  place(agent)
end
local function hold(h, agent, offered)
  if redis.call('HGET', H, h) ~= agent then
    release(h)
    redis.call('HSET', H, h, agent)
    redis.call('HINCRBY', L, agent, 1)
    stamp(agent)
  end
  if offered then
    redis.call('HSET', O, agent, h)
  elseif redis.call('HGET', O, agent) == h then
    redis.call('HDEL', O, agent)
  end
  place(agent)
end
local function leave_line(h)
  for g = 1, groups do redis.call('ZREM', W(g), h) end
end
"""
_CHECK = "if redis.call('EXISTS', E) == 0 then return -1 end\n"

PUT = _HEAD + _CHECK + """
-- ARGV: handoff, group index, score, facts
leave_line(ARGV[1])
release(ARGV[1])
redis.call('HDEL', C, ARGV[1])
redis.call('ZADD', W(tonumber(ARGV[2])), ARGV[3], ARGV[1])
redis.call('HSET', F, ARGV[1], ARGV[4])
return 1
"""  # fmt: skip

CLAIM = _HEAD + _CHECK + """
-- ARGV: handoff, agent, age in ms at which another's claim is void
local now = clock()
local claim = redis.call('HGET', C, ARGV[1])
if claim then
  local at, agent = string.match(claim, '^(%d+) (.*)$')
  if agent ~= ARGV[2] and now - tonumber(at) < tonumber(ARGV[3]) then return 0 end
end
local found = 0
for g = 1, groups do found = found + redis.call('ZREM', W(g), ARGV[1]) end
if found == 0 and not claim then return 2 end
redis.call('HSET', C, ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
return 1
"""  # fmt: skip

HOLD = _HEAD + _CHECK + """
-- ARGV: handoff, agent, whether it is only offered
leave_line(ARGV[1])
redis.call('HDEL', C, ARGV[1])
redis.call('HDEL', F, ARGV[1])
hold(ARGV[1], ARGV[2], ARGV[3] == '1')
return 1
"""  # fmt: skip

DROP = (
    _HEAD
    + """
-- ARGV: handoff
leave_line(ARGV[1])
redis.call('HDEL', C, ARGV[1])
redis.call('HDEL', F, ARGV[1])
release(ARGV[1])
return 1
"""
)

FREE = (
    _HEAD
    + """
-- ARGV: handoff, agent: what was offered could not be stored
if redis.call('HGET', H, ARGV[1]) == ARGV[2] then release(ARGV[1]) end
return 1
"""
)

RECOUNT = (
    _HEAD
    + """
local load = {}
local held = redis.call('HVALS', H)
for _, agent in ipairs(held) do load[agent] = (load[agent] or 0) + 1 end
redis.call('DEL', L)
for agent, n in pairs(load) do redis.call('HSET', L, agent, n) end
for _, agent in ipairs(redis.call('HKEYS', A)) do place(agent) end
return 1
"""
)

ENTER = _HEAD + _CHECK + """
-- ARGV: agent, {"g": group indices, "c": capacity}, or '' when the agent leaves
if ARGV[2] == '' then
  redis.call('HDEL', A, ARGV[1])
else
  if redis.call('HEXISTS', A, ARGV[1]) == 0 then stamp(ARGV[1]) end
  redis.call('HSET', A, ARGV[1], ARGV[2])
end
place(ARGV[1])
return 1
"""  # fmt: skip

MATCH = (
    _HEAD
    + """
-- ARGV: most pairs wanted, depth looked at per group, longest time an agent is passed over in ms.
-- Returns handoff, agent, handoff, agent, …
if redis.call('EXISTS', E) == 0 then return {-1} end
local now, cooling = clock(), tonumber(ARGV[3])
local function passed(facts, agent)
  local at = facts.x[agent]
  return at and now - at > -60000 and now - at < cooling
end
local function ready(agent, g) return redis.call('ZSCORE', R(g), agent) end
local function free(agent, facts)
  for g = 1, groups do if ready(agent, g) then return not passed(facts, agent) end end
  return false
end
local function first_of(gs, facts)
  local best, best_score
  for _, g in ipairs(gs) do
    local found = redis.call('ZRANGE', R(g), 0, 15, 'WITHSCORES')
    for i = 1, #found, 2 do
      if not passed(facts, found[i]) then
        local score = tonumber(found[i + 1])
        if not best or score < best_score then best, best_score = found[i], score end
        break
      end
    end
  end
  return best
end
local function agent_for(facts, g)
  -- A clock set back makes a wait unknown; that counts as a long one.
  local waited = now - facts.s
  if waited < -60000 then waited = math.huge end
  local reserved = facts.r
  if reserved and waited < facts.k and redis.call('HEXISTS', A, reserved) == 1 then
    return free(reserved, facts) and reserved
  end
  if facts.p and ready(facts.p, g) and not passed(facts, facts.p) then return facts.p end
  local found = first_of({g}, facts)
  if found then return found end
  if waited >= facts.o or redis.call('SCARD', N(g)) == 0 then return first_of(facts.b, facts) end
end
local function hopeful()
  for g = 1, groups do if redis.call('ZCARD', R(g)) > 0 then return true end end
end
local lines, pairs_found = {}, {}
for g = 1, groups do
  local found = redis.call('ZRANGE', W(g), 0, tonumber(ARGV[2]) - 1, 'WITHSCORES')
  lines[g] = {ids = found, at = 1}
end
while #pairs_found < 2 * tonumber(ARGV[1]) and hopeful() do
  local next_g
  for g = 1, groups do
    local line = lines[g]
    if line.ids[line.at] and (not next_g
        or tonumber(line.ids[line.at + 1]) < tonumber(lines[next_g].ids[lines[next_g].at + 1])) then
      next_g = g
    end
  end
  if not next_g then break end
  local line = lines[next_g]
  local h = line.ids[line.at]
  line.at = line.at + 2
  local stored = redis.call('HGET', F, h)
  local agent = stored and agent_for(cjson.decode(stored), next_g)
  if agent then
    redis.call('ZREM', W(next_g), h)
    redis.call('HSET', C, h, string.format('%.0f', now) .. ' ' .. agent)
    hold(h, agent, true)
    pairs_found[#pairs_found + 1] = h
    pairs_found[#pairs_found + 1] = agent
  end
end
return pairs_found
"""
)
