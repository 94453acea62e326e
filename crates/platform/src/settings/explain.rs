//! Messages of the deserializer in words that say what to set.

use url::ParseError;

/// What a value must be, from what serde says is wrong with it. Messages of our own types are passed on.
pub(super) fn explain(message: &str, is_list: bool) -> String {
    let expected = message.rsplit_once("expected ").map(|(_, expected)| expected);
    let must_be = |what: &str, of_list: &str| {
        if is_list {
            format!("must be a list of {of_list}")
        } else {
            format!("must be {what}")
        }
    };
    if message.starts_with("unknown variant") {
        let names: Vec<&str> = expected.unwrap_or_default().split('`').skip(1).step_by(2).collect();
        let names = names.join(", ");
        return must_be(&format!("one of {names}"), &format!("one or more of {names}"));
    }
    if message.contains("invalid IP address syntax") {
        return must_be("an IP address, such as 127.0.0.1", "IP addresses, such as 127.0.0.1");
    }
    // The text of a URL is not repeated: it may hold a password.
    if message
        .rsplit_once(": \"")
        .is_some_and(|(reason, _)| is_url_error(reason))
    {
        let example = "such as http://127.0.0.1:8001";
        return must_be(&format!("an address, {example}"), &format!("addresses, {example}"));
    }
    let Some(expected) = expected.filter(|_| message.starts_with("invalid value")) else {
        return message.to_owned();
    };
    let range = match expected {
        "u8" => "from 0 to 255",
        "u16" => "from 0 to 65535",
        "u32" => "from 0 to 4294967295",
        "i32" => "from -2147483648 to 2147483647",
        "u64" | "usize" | "u128" => {
            return must_be("a whole number, not below 0", "whole numbers, none below 0");
        }
        _ => return message.to_owned(),
    };
    must_be(&format!("a whole number {range}"), &format!("whole numbers {range}"))
}

fn is_url_error(reason: &str) -> bool {
    [
        ParseError::EmptyHost,
        ParseError::IdnaError,
        ParseError::InvalidPort,
        ParseError::InvalidIpv4Address,
        ParseError::InvalidIpv6Address,
        ParseError::InvalidDomainCharacter,
        ParseError::RelativeUrlWithoutBase,
        ParseError::RelativeUrlWithCannotBeABaseBase,
        ParseError::Overflow,
    ]
    .iter()
    .any(|error| error.to_string() == reason)
}
