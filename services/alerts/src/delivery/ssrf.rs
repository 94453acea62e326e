//! Protection against server-side request forgery (SSRF): refuses addresses that a webhook must not reach, which are
//! the platform's own network and everything that is not the public internet.
//!
//! Checked twice: when an alert is created, and at every attempt on the very addresses the connection is then made to.
//! The HTTP client asks `EgressResolver` for names, so there is no second resolution between check and connection. It
//! does not resolve address literals, therefore `EgressPolicy::check_url` checks those.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use platform::network::{Network, any_contains};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::dns::NameResolver;

/// The longest address that is accepted, in characters.
const MAX_URL_LENGTH: usize = 2048;

/// How long the creation of an alert waits for a name. A name that takes longer is checked at each attempt anyway.
const NAME_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    #[error("not a valid URL")]
    Invalid,
    #[error("longer than {MAX_URL_LENGTH} characters")]
    TooLong,
    #[error("only http and https are allowed")]
    Scheme,
    #[error("https is required")]
    HttpsRequired,
    /// A name or password is part of it.
    #[error("credentials in the URL are not allowed")]
    Credentials,
    #[error("port {0} is not allowed")]
    Port(u16),
    /// It leads to an address that is not part of the public internet.
    #[error("blocked address")]
    Address,
}

/// Ports that may be posted to besides 80 and 443: `*`, single ports and ranges such as `8000-9000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not *, a port or a range such as 8000-9000")]
pub struct InvalidPortRange(pub String);

impl FromStr for PortRange {
    type Err = InvalidPortRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self {
                first: 1,
                last: u16::MAX,
            });
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(Self { first, last }),
            _ => Err(InvalidPortRange(text.to_owned())),
        }
    }
}

/// What may be posted to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    /// Networks that are allowed although they are not public, for endpoints in one's own network.
    pub allowed_networks: Vec<Network>,
    /// Ports besides 80 and 443.
    pub allowed_ports: Vec<PortRange>,
    pub require_https: bool,
}

impl EgressPolicy {
    /// Parses a URL and checks all of it but the addresses of its name.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn check_url(&self, text: &str) -> Result<Url, Blocked> {
        if text.chars().count() > MAX_URL_LENGTH {
            return Err(Blocked::TooLong);
        }
        let url = Url::parse(text).map_err(|_| Blocked::Invalid)?;
        if url.as_str().len() > MAX_URL_LENGTH {
            return Err(Blocked::TooLong);
        }
        match url.scheme() {
            "https" => {}
            "http" if self.require_https => return Err(Blocked::HttpsRequired),
            "http" => {}
            _ => return Err(Blocked::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Blocked::Credentials);
        }
        let port = url.port_or_known_default().ok_or(Blocked::Invalid)?;
        let allowed = |range: &PortRange| (range.first..=range.last).contains(&port);
        if port != 80 && port != 443 && !self.allowed_ports.iter().any(allowed) {
            return Err(Blocked::Port(port));
        }
        match url.host().ok_or(Blocked::Invalid)? {
            Host::Domain(_) => {}
            Host::Ipv4(address) => self.check_address(address.into())?,
            Host::Ipv6(address) => self.check_address(address.into())?,
        }
        Ok(url)
    }

    /// Checks one IP address.
    ///
    /// # Errors
    /// When it is neither public nor in an allowed network.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Blocked> {
        let inner = embedded_v4(address).map_or(address, IpAddr::V4);
        let excepted = |address| any_contains(&self.allowed_networks, address);
        let public = is_public(inner) && !is_detour(address);
        if public || excepted(inner) || excepted(address) {
            Ok(())
        } else {
            Err(Blocked::Address)
        }
    }

    /// Resolves the name of an already checked URL and checks its addresses. `Ok` also when the name does not
    /// resolve soon: that is for each attempt to find out.
    ///
    /// # Errors
    /// When any of its addresses is refused.
    pub async fn check_name(&self, url: &Url, names: &NameResolver) -> Result<(), Blocked> {
        let Some(Host::Domain(name)) = url.host() else {
            return Ok(());
        };
        match tokio::time::timeout(NAME_TIMEOUT, names.lookup(name)).await {
            Ok(Ok(addresses)) => addresses
                .into_iter()
                .try_for_each(|address| self.check_address(address.ip())),
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }
}

/// The client's only way to addresses: all of a name's addresses if each is allowed, none otherwise.
#[derive(Clone)]
pub struct EgressResolver {
    egress_policy: Arc<EgressPolicy>,
    names: NameResolver,
}

impl EgressResolver {
    /// A resolver that admits what `egress_policy` admits.
    pub fn new(egress_policy: Arc<EgressPolicy>, names: NameResolver) -> Self {
        Self { egress_policy, names }
    }
}

impl fmt::Debug for EgressResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EgressResolver")
    }
}

impl Resolve for EgressResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { egress_policy, names } = self.clone();
        Box::pin(async move {
            let addresses = names.lookup(name.as_str()).await?;
            // One bad address among good ones is refused too: which one is used is the sender's choice, not ours.
            for address in &addresses {
                egress_policy.check_address(address.ip())?;
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped (`::ffff:0:0/96`), translated (`64:ff9b::/96`), 6to4
/// (`2002::/16`).
fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let low = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, a, b] | [0x64, 0xff9b, 0, 0, 0, 0, a, b] | [0x2002, a, b, ..] => Some(low(a, b)),
        _ => None,
    }
}

/// Says whether an IPv6 address only leads to an IPv4 one: mapped and 6to4. Translation (`64:ff9b::/96`) is how hosts
/// without IPv4 reach the rest of the internet, so there the inner address alone decides.
fn is_detour(address: IpAddr) -> bool {
    let IpAddr::V6(v6) = address else { return false };
    matches!(v6.segments(), [0, 0, 0, 0, 0, 0xffff, ..] | [0x2002, ..])
}

/// Says whether the address is ordinary unicast of the public internet (IANA's special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

/// Only `2000::/3` is given out to the internet, and some of that is special again.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let global = (0x2000..=0x3fff).contains(&segments[0]);
    let special = matches!(segments, [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..]);
    global && !special
}

#[cfg(test)]
mod tests;
