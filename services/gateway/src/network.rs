//! Networks in CIDR notation.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

/// A range of addresses such as `10.0.0.0/8` or `fd00::/8`; a bare address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    base: u128,
    mask: u128,
    v4: bool,
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network: expected an address with an optional prefix length, such as 10.0.0.0/8")]
pub struct InvalidNetwork(String);

impl Network {
    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let (bits, v4) = to_bits(address);
        v4 == self.v4 && bits & self.mask == self.base
    }
}

fn to_bits(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, true),
        IpAddr::V6(v6) => (u128::from(v6), false),
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| invalid())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let length: u32 = match length {
            Some(length) => length.trim().parse().map_err(|_| invalid())?,
            None => widest,
        };
        if length > widest {
            return Err(invalid());
        }
        let (bits, v4) = to_bits(address);
        let mask = if length == 0 { 0 } else { u128::MAX << (128 - length) };
        Ok(Self {
            base: bits & mask,
            mask,
            v4,
        })
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Whether any of `networks` holds `address`.
pub fn any_contains(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.mask.leading_ones();
        if self.v4 {
            let address = std::net::Ipv4Addr::from((self.base >> 96) as u32);
            write!(f, "{address}/{length}")
        } else {
            write!(f, "{}/{length}", std::net::Ipv6Addr::from(self.base))
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("10.0.0.0/8", "10.200.3.4", true)]
    #[case("10.0.0.0/8", "11.0.0.1", false)]
    #[case("10.0.0.0/8", "::ffff:10.1.1.1", true)]
    #[case("0.0.0.0/0", "8.8.8.8", true)]
    #[case("0.0.0.0/0", "::1", false)]
    #[case("127.0.0.1", "127.0.0.1", true)]
    #[case("127.0.0.1", "127.0.0.2", false)]
    #[case("fd00::/8", "fdab::1", true)]
    #[case("fd00::/8", "fe80::1", false)]
    fn membership(#[case] network: &str, #[case] address: &str, #[case] inside: bool) {
        assert_eq!(network.parse::<Network>().unwrap().contains(ip(address)), inside);
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("10.0.0/8")]
    #[case("")]
    #[case("::/129")]
    #[case("10.0.0.0/-1")]
    fn what_is_no_network_is_refused(#[case] text: &str) {
        assert!(text.parse::<Network>().is_err());
    }

    #[test]
    fn networks_are_printed_as_they_are_written() {
        for text in ["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
    }
}
