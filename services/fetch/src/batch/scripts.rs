//! The steps of a batch, each one atomic script in Redis.
//!
//! ```text
//!            threshold reached               claim                finish
//!    OPEN ────────────────────> CLOSED ──────────────> FLUSHING ──────────> DONE
//!     │                                                 ^  │  ^
//!     └──────────── claim, once the window has passed ──┘  └──┘ claim, once the lease has ended
//! ```
//!
//! All times are those of Redis, so that instances whose clocks differ agree. Whatever a script writes expires by
//! itself: a process that dies between two of them leaves nothing behind.

use redis::Script;

/// The clock of Redis, in milliseconds.
const CLOCK: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
";

/// Keys: the open batch, the mark of an unknown coin. Arguments: an id for a new batch, threshold, window, TTL,
/// the channel on which a full batch is announced.
const ADMIT: &str = r"
if redis.call('EXISTS', KEYS[2]) == 1 then
  return {'unknown', '', 0}
end
local id = redis.call('GET', KEYS[1])
if id then
  local found = redis.call('HMGET', KEYS[1] .. ':' .. id, 'status', 'deadline')
  if found[1] ~= 'open' or now >= tonumber(found[2]) then
    id = false
  end
end
if not id then
  id = ARGV[1]
  local deadline = now + ARGV[3]
  redis.call('HSET', KEYS[1] .. ':' .. id, 'status', 'open', 'count', 0, 'opened', now, 'deadline', deadline)
  redis.call('PEXPIRE', KEYS[1] .. ':' .. id, ARGV[4])
  redis.call('SET', KEYS[1], id, 'PX', ARGV[4])
end
local state = KEYS[1] .. ':' .. id
local is_full = redis.call('HINCRBY', state, 'count', 1) >= tonumber(ARGV[2])
if is_full then
  redis.call('HSET', state, 'status', 'closed')
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', ARGV[5], id)
end
return {'admitted', id, is_full and 1 or 0}
";

/// Takes a request out of an open batch; a batch without requests ends. Keys: the open batch, its state. Argument: its
/// id.
const LEAVE: &str = r"
if redis.call('HGET', KEYS[2], 'status') ~= 'open' then
  return 0
end
if redis.call('HINCRBY', KEYS[2], 'count', -1) <= 0 then
  redis.call('DEL', KEYS[2])
  if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
  end
end
return 1
";

/// An owner that asks again gets the same answer: it did not hear the first one.
///
/// Keys: the open batch, its state. Arguments: its id, the owner, the lease, how long a request to the provider may
/// take, how long a request waits.
const CLAIM: &str = r"
local found = redis.call('HMGET', KEYS[2], 'status', 'count', 'opened', 'deadline', 'lease_until', 'claims', 'trigger',
  'owner')
local status, count, trigger = found[1], tonumber(found[2]), found[7]
if not status then
  return {'gone', 0, '', 0}
end
if status == 'done' then
  return {'done', count, trigger, 0}
end
local time_left = tonumber(found[3]) + ARGV[5] - now
if status == 'flushing' and found[8] == ARGV[2] then
  redis.call('HSET', KEYS[2], 'lease_until', now + ARGV[3])
  return {'claimed', count, trigger, math.max(time_left, 0)}
end
if status == 'flushing' then
  local lease_left = tonumber(found[5]) - now
  if lease_left > 0 then
    return {'busy', count, trigger, lease_left}
  end
  if tonumber(found[6]) > 1 or time_left < tonumber(ARGV[4]) then
    return {'late', count, trigger, 0}
  end
elseif status == 'open' then
  local window_left = tonumber(found[4]) - now
  if window_left > 0 then
    return {'early', count, '', window_left}
  end
  trigger = 'window'
  if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
  end
else
  trigger = 'threshold'
end
redis.call('HSET', KEYS[2], 'status', 'flushing', 'owner', ARGV[2], 'lease_until', now + ARGV[3], 'trigger', trigger)
redis.call('HINCRBY', KEYS[2], 'claims', 1)
return {'claimed', count, trigger, math.max(time_left, 0)}
";

/// Key: the state. Arguments: the owner, the lease.
const RENEW: &str = r"
local found = redis.call('HMGET', KEYS[1], 'status', 'owner')
if found[1] ~= 'flushing' or found[2] ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'lease_until', now + ARGV[2])
return 1
";

/// Stores the result, then announces it; a flush that was taken over changes nothing, nor does a repetition. Keys: the
/// state, the result, what else the result tells about the coin. Arguments: the owner, the result, its TTL, the
/// channel, the value and the TTL of the third key, or an empty value.
const FINISH: &str = r"
local found = redis.call('HMGET', KEYS[1], 'status', 'owner')
if found[2] ~= ARGV[1] then
  return 0
end
if found[1] == 'done' then
  return 1
end
redis.call('HSET', KEYS[1], 'status', 'done')
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
if ARGV[5] ~= '' then
  redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[6])
end
redis.call('PUBLISH', ARGV[4], ARGV[2])
return 1
";

#[derive(Debug)]
pub struct Scripts {
    pub admit: Script,
    pub leave: Script,
    pub claim: Script,
    pub renew: Script,
    pub finish: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self::with_clock(CLOCK)
    }
}

impl Scripts {
    /// The scripts by another clock: Lua that sets `now`.
    pub fn with_clock(clock: &str) -> Self {
        let script = |body: &str| Script::new(&format!("{clock}{body}"));
        Self {
            admit: script(ADMIT),
            leave: script(LEAVE),
            claim: script(CLAIM),
            renew: script(RENEW),
            finish: script(FINISH),
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::keys;
    use uuid::Uuid;

    #[test]
    fn scripts_spell_the_state_of_a_batch_as_the_contract_does() {
        let (coin, id) = ("bitcoin".parse().unwrap(), Uuid::nil());
        assert_eq!(
            keys::batch_state(&coin, id),
            format!("{}:{id}", keys::open_batch(&coin))
        );
    }
}
