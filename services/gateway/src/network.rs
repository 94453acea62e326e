//! Networks in CIDR notation, and who the client is behind trusted proxies.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use actix_web::http::header::HeaderMap;
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

/// The address the request really comes from: the peer's, unless the peer is a trusted proxy; then the right-most entry of
/// `X-Forwarded-For` that is none. What a client writes further left is its own claim and is not believed.
pub fn client_ip(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0])).to_canonical();
    if !any_contains(trusted, peer) {
        return peer;
    }
    let mut client = peer;
    let lines: Vec<_> = headers
        .get_all("x-forwarded-for")
        .filter_map(|v| v.to_str().ok())
        .collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Some(address) = parse_hop(hop.trim()) else { break };
        client = address;
        if !any_contains(trusted, address) {
            break;
        }
    }
    client
}

/// The address that stands for a client where requests are limited, counted or blocked. One subscriber of IPv6 has a whole /64
/// network, so the host's half does not tell clients apart; of IPv4 it is the address itself.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & (u128::MAX << 64)).into()),
    }
}

/// An address as proxies write it: bare, with a port, or in brackets.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop
        .parse()
        .ok()
        .or_else(|| hop.parse().ok().map(|socket: std::net::SocketAddr| socket.ip()));
    bare.or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|address: IpAddr| address.to_canonical())
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
    use actix_web::http::header::{HeaderName, HeaderValue};
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

    #[rstest]
    // Nobody is trusted: the header is a claim.
    #[case("203.0.113.9", "1.2.3.4", "", "203.0.113.9")]
    #[case("10.0.0.1", "1.2.3.4", "10.0.0.0/8", "1.2.3.4")]
    // The client wrote the left entry itself.
    #[case("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "10.0.0.0/8", "1.2.3.4")]
    #[case("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.0/8", "10.0.0.3")]
    #[case("10.0.0.1", "1.2.3.4:5678", "10.0.0.0/8", "1.2.3.4")]
    #[case("10.0.0.1", "[2001:db8::1]", "10.0.0.0/8", "2001:db8::1")]
    #[case("10.0.0.1", "1.2.3.4, nonsense", "10.0.0.0/8", "10.0.0.1")]
    #[case("10.0.0.1", "", "10.0.0.0/8", "10.0.0.1")]
    fn the_right_most_untrusted_hop_is_the_client(
        #[case] peer: &str,
        #[case] forwarded: &str,
        #[case] trusted: &str,
        #[case] client: &str,
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_str(forwarded).unwrap(),
        );
        let trusted: Vec<Network> = trusted
            .split(',')
            .filter(|t| !t.is_empty())
            .map(|t| t.parse().unwrap())
            .collect();
        assert_eq!(client_ip(Some(ip(peer)), &headers, &trusted), ip(client));
    }

    #[rstest]
    #[case("203.0.113.9", "203.0.113.9")]
    #[case("::ffff:203.0.113.9", "203.0.113.9")]
    #[case("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
    #[case("2001:db8:1:2:ffff::", "2001:db8:1:2::")]
    #[case("2001:db8:1:3::1", "2001:db8:1:3::")]
    fn client_is_its_ipv6_network(#[case] address: &str, #[case] network: &str) {
        assert_eq!(client_network(ip(address)), ip(network));
    }

    #[test]
    fn networks_are_printed_as_they_are_written() {
        for text in ["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
    }
}
