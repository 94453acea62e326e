//! The scripts of the alert index. Sizes and members agree at every moment because one script changes both.

use std::sync::LazyLock;

use redis::Script;

/// Functions of all scripts. `life` identifies one life of the server's data; `whole` says whether sets have the
/// size that is noted, and otherwise makes the index incomplete and every build under way fail.
const LIBRARY: &str = "
local function life()
    local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
    local data = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') or ''
    return server .. '/' .. data
end
local function noted(index)
    local sizes, flat = {}, redis.call('HGETALL', index)
    for i = 1, #flat, 2 do
        if flat[i] ~= 'epoch' and flat[i] ~= 'generation' then sizes[flat[i]] = tonumber(flat[i + 1]) or 0 end
    end
    return sizes
end
local function whole(index, generation, sizes)
    local lost = false
    for set, size in pairs(sizes) do
        if redis.call('ZCARD', set) < size then lost = true end
    end
    if not lost then return true end
    redis.call('HDEL', index, 'epoch')
    redis.call('HSET', index, 'generation', generation)
    for set in pairs(noted(index)) do redis.call('HSET', index, set, redis.call('ZCARD', set)) end
    return false
end
local function epoch(index)
    local found = redis.call('HGET', index, 'epoch')
    local now = life() .. '/'
    if found and string.sub(found, 1, #now) == now then return found end
    return false
end
local function change(index, set, by)
    local size = tonumber(redis.call('HGET', index, set)) or 0
    -- More members than noted: the note was lost, not a member.
    size = math.max(size, redis.call('ZCARD', set))
    redis.call('HSET', index, set, size + by())
end
";

/// Keys: the hash, the set. Arguments: scores and members.
const ADD: &str = "change(KEYS[1], KEYS[2], function() return redis.call('ZADD', KEYS[2], unpack(ARGV)) end)";

/// Keys: the hash, the set. Arguments: members.
const REMOVE: &str = "change(KEYS[1], KEYS[2], function() return -redis.call('ZREM', KEYS[2], unpack(ARGV)) end)";

/// Keys: the hash, and a set per probe. Arguments: a name for the next generation, the size of a page, and the
/// lowest score, the highest score and the number to skip per probe. Returns nothing when the index is not
/// complete.
const QUERY: &str = "
if not epoch(KEYS[1]) then return false end
local sizes = {}
for i = 2, #KEYS do sizes[KEYS[i]] = tonumber(redis.call('HGET', KEYS[1], KEYS[i])) or 0 end
if not whole(KEYS[1], ARGV[1], sizes) then return false end
local pages = {}
for i = 2, #KEYS do
    local at = 3 * (i - 1)
    pages[i - 1] = redis.call('ZRANGEBYSCORE', KEYS[i], ARGV[at], ARGV[at + 1], 'LIMIT', ARGV[at + 2], ARGV[2])
end
return pages";

/// Keys: the hash. Arguments: a name for the next generation. Returns the epoch, or nothing.
const EPOCH: &str = "
if not whole(KEYS[1], ARGV[1], noted(KEYS[1])) then return false end
return epoch(KEYS[1])";

/// Keys: the hash. Arguments: a generation, if there is none. Returns what a build must find again at its end.
const BEGIN: &str = "
redis.call('HSETNX', KEYS[1], 'generation', ARGV[1])
return {redis.call('HGET', KEYS[1], 'generation'), life()}";

/// Keys: the hash. Arguments: a name for the next generation, what the build found at its begin, its name. Marks the
/// index as complete if everything since the build began is still there.
const FINISH: &str = "
local begun = redis.call('HGET', KEYS[1], 'generation')
if begun ~= ARGV[2] or life() ~= ARGV[3] or not whole(KEYS[1], ARGV[1], noted(KEYS[1])) then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[3] .. '/' .. ARGV[4])
return 1";

pub(super) static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| {
    let script = |body: &str| Script::new(&format!("{LIBRARY}{body}"));
    Scripts {
        add: script(ADD),
        remove: script(REMOVE),
        query: script(QUERY),
        epoch: script(EPOCH),
        begin: script(BEGIN),
        finish: script(FINISH),
    }
});

pub(super) struct Scripts {
    pub(super) add: Script,
    pub(super) remove: Script,
    pub(super) query: Script,
    pub(super) epoch: Script,
    pub(super) begin: Script,
    pub(super) finish: Script,
}
