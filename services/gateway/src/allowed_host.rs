//! The hosts that this gateway answers for, against DNS rebinding.
//!
//! A page that a person opens elsewhere may let its own name point to 127.0.0.1 (DNS rebinding). The browser then takes
//! the gateway for a part of that page and lets it read everything. The name stays in the header `Host`.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HOST;
use actix_web::http::uri::Authority;
use serde::Deserialize;
use url::Host;

/// A name or an address without a port, as `ALLOWED_HOSTS` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AllowedHost(Host);

/// A text that is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host: expected a name or an address without port, such as api.example.com or [::1]")]
pub struct InvalidHost(String);

impl TryFrom<String> for AllowedHost {
    type Error = InvalidHost;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match Host::parse(text.trim()) {
            // A URL may have a star in its host; here it would look like a wildcard and be none.
            Ok(host) if !text.contains('*') => Ok(Self(host)),
            _ => Err(InvalidHost(text)),
        }
    }
}

/// Whether `request` was sent to one of the hosts; without any, every host is served.
pub fn is_served(request: &ServiceRequest, allowed: &[AllowedHost]) -> bool {
    if allowed.is_empty() {
        return true;
    }
    // A request line with a whole URL names the host a second time.
    let named = request.headers().get_all(HOST).map(|value| value.to_str().ok());
    let target = request.uri().authority().map(|authority| Some(authority.as_str()));
    let mut is_named = false;
    let are_allowed = named.chain(target).all(|text| {
        is_named = true;
        text.and_then(host_of)
            .is_some_and(|host| allowed.contains(&AllowedHost(host)))
    });
    is_named && are_allowed
}

/// The host of a header `Host`, in the form in which equal hosts are equal.
fn host_of(text: &str) -> Option<Host> {
    // Credentials belong into no header `Host`.
    if text.contains('@') {
        return None;
    }
    let authority: Authority = text.parse().ok()?;
    Host::parse(authority.host()).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use rstest::rstest;

    use super::*;

    fn hosts(texts: &[&str]) -> Vec<AllowedHost> {
        texts
            .iter()
            .map(|text| AllowedHost::try_from((*text).to_owned()).unwrap())
            .collect()
    }

    fn is_served_at(host: &str, allowed: &[AllowedHost]) -> bool {
        let request = TestRequest::default().insert_header((HOST, host)).to_srv_request();
        is_served(&request, allowed)
    }

    #[rstest]
    #[case("localhost", true)]
    #[case("LocalHost:8000", true)]
    #[case("127.0.0.1", true)]
    #[case("127.0.0.1:65535", true)]
    #[case("[::1]:8000", true)]
    #[case("[0:0:0:0:0:0:0:1]", true)]
    #[case("evil.example", false)]
    #[case("evil.example:8000", false)]
    #[case("localhost.evil.example", false)]
    #[case("127.0.0.1.evil.example", false)]
    #[case("evil@localhost", false)]
    #[case("localhost@evil.example", false)]
    #[case("127.0.0.2", false)]
    #[case("[::2]", false)]
    #[case("localhost, evil.example", false)]
    #[case("", false)]
    fn host_is_compared_without_port_and_case(#[case] host: &str, #[case] expected: bool) {
        assert_eq!(
            is_served_at(host, &hosts(&["localhost", "127.0.0.1", "[::1]"])),
            expected
        );
    }

    #[test]
    fn empty_list_serves_every_host() {
        assert!(is_served_at("evil.example", &[]));
        assert!(is_served(&TestRequest::default().to_srv_request(), &[]));
    }

    #[test]
    fn every_naming_of_the_host_counts() {
        let allowed = hosts(&["localhost"]);
        assert!(!is_served(&TestRequest::default().to_srv_request(), &allowed));
        let twice = TestRequest::default()
            .insert_header((HOST, "localhost"))
            .append_header((HOST, "evil.example"));
        assert!(!is_served(&twice.to_srv_request(), &allowed));
        let whole = TestRequest::with_uri("http://evil.example/").insert_header((HOST, "localhost"));
        assert!(!is_served(&whole.to_srv_request(), &allowed));
    }

    #[rstest]
    #[case("http://a.example")]
    #[case("a.example:8000")]
    #[case("::1")]
    #[case("*")]
    #[case("a b")]
    fn invalid_host_is_refused(#[case] text: &str) {
        assert!(AllowedHost::try_from(text.to_owned()).is_err(), "{text}");
    }
}
