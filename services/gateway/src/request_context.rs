//! What is known about one request. The layers that find it out put it into the request's extensions; handlers and the
//! layers that write the response take it from there.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use platform::request_id::RequestId;
use uuid::Uuid;

use crate::route_policy::ResponseFormat;

/// What every request has, in one value: each further one in the extensions is an allocation.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    pub id: RequestId,
    /// When the request's head was read.
    pub start: Instant,
    /// Its route, once it is found.
    pub route: Option<MatchedRoute>,
    /// Where it comes from, behind trusted proxies.
    pub address: Option<IpAddr>,
    /// Whether decimals are written as strings (`?numbers=string`).
    pub numbers_as_strings: bool,
}

/// The route of a request.
#[derive(Debug, Clone, Copy)]
pub struct MatchedRoute {
    /// The path as it is documented.
    pub path: &'static str,
    pub format: ResponseFormat,
}

/// Reads what is known about a request; `None` for one that did not come through the layers.
pub fn read<T>(request: &impl HttpMessage, read: impl FnOnce(&RequestInfo) -> T) -> Option<T> {
    request.extensions().get::<RequestInfo>().map(read)
}

/// Changes what is known about a request.
pub fn update(request: &impl HttpMessage, change: impl FnOnce(&mut RequestInfo)) {
    if let Some(info) = request.extensions_mut().get_mut::<RequestInfo>() {
        change(info);
    }
}

/// The address that a request comes from, behind trusted proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIp(pub IpAddr);

impl FromRequest for ClientIp {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = read(request, |info| info.address).flatten();
        ready(Ok(Self(known.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))))
    }
}

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
