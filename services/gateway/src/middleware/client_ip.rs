//! The client's IP address behind trusted proxies.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;

use platform::network::{Network, any_contains};

/// Finds the address that a request really comes from, behind all trusted proxies.
pub fn resolve(request: &ServiceRequest, trusted_proxies: &[Network]) -> IpAddr {
    let peer = request.peer_addr().map(|peer| peer.ip());
    client_ip(peer, request.headers(), trusted_proxies)
}

/// The address the request really comes from: the peer's, unless the peer is a trusted proxy; then the right-most entry
/// of `X-Forwarded-For` that is none. What a client writes further left is its own claim and is not believed.
fn client_ip(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
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

/// An address as proxies write it: bare, with a port, or in brackets.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop
        .parse()
        .ok()
        .or_else(|| hop.parse().ok().map(|socket: std::net::SocketAddr| socket.ip()));
    bare.or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|address: IpAddr| address.to_canonical())
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
    fn right_most_untrusted_hop_is_the_client(
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
}
