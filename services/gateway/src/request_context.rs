//! What is known about one request. The layers that find it out put it into the request's extensions; handlers and the
//! layers that write the response take it from there.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use uuid::Uuid;

/// When the first byte of the request was looked at.
#[derive(Debug, Clone, Copy)]
pub struct RequestStart(pub Instant);

/// The address that a request really comes from, behind all trusted proxies.
#[derive(Debug, Clone, Copy)]
pub struct ClientIp(pub IpAddr);

/// Whether decimals are written as strings (`?numbers=string`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumbersAsStrings(pub bool);

/// A UUID v7 for the object that this request makes: the same in every run of a request with an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreationId(pub Uuid);

impl CreationId {
    /// An id that was never given before.
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }
}

impl FromRequest for CreationId {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = request.extensions().get::<Self>().copied();
        ready(Ok(known.unwrap_or_else(Self::fresh)))
    }
}

/// The address that stands for a client where requests are limited, counted or blocked. One subscriber of IPv6 has a
/// whole /64 network, so the host's half does not tell clients apart; of IPv4 it is the address itself.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & (u128::MAX << 64)).into()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("203.0.113.9", "203.0.113.9")]
    #[case("::ffff:203.0.113.9", "203.0.113.9")]
    #[case("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
    #[case("2001:db8:1:2:ffff::", "2001:db8:1:2::")]
    #[case("2001:db8:1:3::1", "2001:db8:1:3::")]
    fn client_is_its_ipv6_network(#[case] address: &str, #[case] network: &str) {
        assert_eq!(
            client_network(address.parse().unwrap()),
            network.parse::<IpAddr>().unwrap()
        );
    }
}
