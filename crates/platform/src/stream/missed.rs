//! Entries that were trimmed before the group was given them.

use std::time::Duration;

use ::redis::{FromRedisValue, RedisResult};
use jiff::Timestamp;

use super::group::GroupReader;

/// Where the group stands and what the stream still has. Redis before version 7 does not count entries: then nothing
/// is told.
const POSITION: &str = r#"
local function field(list, name)
    for i = 1, #list, 2 do if list[i] == name then return list[i + 1] end end
end
local stream = redis.call('XINFO', 'STREAM', KEYS[1])
local first, added = field(stream, 'first-entry'), field(stream, 'entries-added')
if not first or not added then return {} end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    if field(group, 'name') == ARGV[1] then
        local read = field(group, 'entries-read')
        return {field(group, 'last-delivered-id'), first[1], added - field(stream, 'length'), read or -1}
    end
end
return {}
"#;

/// What a group will never be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// When the last entry that the group was given was written.
    pub after: Timestamp,
    /// When the first entry that is left was written.
    pub until: Timestamp,
    /// How many entries are missing, as far as Redis knows; at least 1.
    pub count: u64,
}

impl GroupReader {
    /// Says whether the stream was trimmed beyond what the group was given. The next read steps over the gap, so ask
    /// before.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn missed(&mut self) -> anyhow::Result<Option<Missed>> {
        self.connect().await?;
        let mut command = ::redis::cmd("EVAL");
        command.arg(POSITION).arg(1).arg(&self.stream).arg(&self.group);
        let answer = self.connection.send(&command, Duration::ZERO).await?;
        let position: RedisResult<(String, String, u64, i64)> =
            FromRedisValue::from_redis_value(answer).map_err(Into::into);
        // Nothing is known of an empty stream.
        Ok(position
            .ok()
            .and_then(|(given, first, trimmed, read)| evaluate(&given, &first, trimmed, read)))
    }
}

fn evaluate(given: &str, first: &str, trimmed: u64, read: i64) -> Option<Missed> {
    let (given, first) = (parse(given)?, parse(first)?);
    let count = match u64::try_from(read) {
        Ok(read) => trimmed.saturating_sub(read),
        // The number was lost: there may be a gap.
        Err(_) => 1,
    };
    // A group that was given nothing yet is new and begins where the stream does.
    if given == (0, 0) || given >= first || count == 0 {
        return None;
    }
    Some(Missed {
        after: Timestamp::from_millisecond(given.0).ok()?,
        until: Timestamp::from_millisecond(first.0).ok()?,
        count,
    })
}

/// The milliseconds and the number of an id.
fn parse(id: &str) -> Option<(i64, u64)> {
    let (millis, number) = id.split_once('-')?;
    Some((millis.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing_trimmed("5-0", "3-0", 0, 2, None)]
    #[case::only_what_was_given("5-0", "6-0", 4, 4, None)]
    #[case::three_unread("5-0", "9-0", 7, 4, Some(3))]
    #[case::ids_are_numbers("9-0", "10-0", 7, 4, Some(3))]
    #[case::of_one_millisecond("5-9", "5-10", 7, 4, Some(3))]
    #[case::unknown_number("5-0", "9-0", 7, -1, Some(1))]
    #[case::new_group("0-0", "9-0", 7, 0, None)]
    fn a_gap_lies_between_what_was_given_and_what_is_left(
        #[case] given: &str,
        #[case] first: &str,
        #[case] trimmed: u64,
        #[case] read: i64,
        #[case] expected: Option<u64>,
    ) {
        assert_eq!(
            evaluate(given, first, trimmed, read).map(|missed| missed.count),
            expected
        );
    }
}
