//! What `DATABASE_URL` says about TLS, in the words of PostgreSQL's own clients.
//!
//! The driver knows fewer modes than libpq and verifies nothing by itself, so `sslmode` and `sslrootcert` are taken
//! out of the address before it reads the rest. <https://www.postgresql.org/docs/current/libpq-ssl.html>

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use url::form_urlencoded;

use crate::tls::{Authorities, CaFileError, Verification};

const MODES: &str = "disable, allow, prefer, require, verify-ca or verify-full";
/// The `sslrootcert` that means the public authorities.
const SYSTEM: &str = "system";

/// Where PostgreSQL is, and how much of its certificate is verified.
#[derive(Debug, Clone)]
pub struct DatabaseAddress {
    /// The driver's parameters.
    pub parameters: Config,
    /// What is verified when the connection is encrypted.
    pub verification: Verification,
    /// A file of authorities was given that the mode makes no use of.
    pub ignores_root_certificate: bool,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The driver cannot read it.
    #[error("is not a PostgreSQL address: {0}")]
    Unreadable(#[from] tokio_postgres::Error),
    /// No such mode.
    #[error("has the unknown sslmode {0:?}; set {MODES}")]
    Mode(String),
    /// The public authorities sign for anybody, so without the name they say nothing.
    #[error("has sslrootcert=system with sslmode={0}; set sslmode=verify-full or leave it out")]
    WeakSystem(String),
    /// The file of authorities.
    #[error("names an unusable sslrootcert: {0}")]
    RootCertificate(#[from] CaFileError),
}

impl From<Config> for DatabaseAddress {
    /// As an address that says nothing about TLS.
    fn from(parameters: Config) -> Self {
        Self {
            parameters,
            verification: Verification::None,
            ignores_root_certificate: false,
        }
    }
}

impl DatabaseAddress {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// What is wrong with it, a file of authorities that cannot be used included.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (rest, parameters) = split(text);
        let mut address = Self::from(rest.parse::<Config>()?);
        let root_certificate = parameters.root_certificate.filter(|path| !path.is_empty());
        let mode = match (&parameters.mode, &root_certificate) {
            (Some(mode), _) => mode.as_str(),
            (None, Some(root)) if root == SYSTEM => "verify-full",
            // `host=… sslmode=…` is not taken apart, so the driver may have read a mode by itself.
            (None, _) => match address.parameters.get_ssl_mode() {
                SslMode::Disable => "disable",
                SslMode::Require => "require",
                SslMode::Prefer | _ => "prefer",
            },
        };
        let authorities = match root_certificate.as_deref() {
            None => None,
            Some(SYSTEM) if mode == "verify-full" => Some(Authorities::public()),
            Some(SYSTEM) => return Err(AddressError::WeakSystem(mode.to_owned())),
            Some(path) => Some(Authorities::default().and_file(path)?),
        };
        let verification = match (mode, authorities) {
            ("disable" | "allow" | "prefer", authorities) => {
                address.ignores_root_certificate = authorities.is_some();
                Verification::None
            }
            ("require", None) => Verification::None,
            // As libpq, for the sake of old installations.
            ("require", Some(authorities)) => Verification::Chain(authorities),
            ("verify-ca", authorities) => Verification::Chain(authorities.unwrap_or_else(Authorities::public)),
            ("verify-full", authorities) => Verification::Full(authorities.unwrap_or_else(Authorities::public)),
            (unknown, _) => return Err(AddressError::Mode(unknown.to_owned())),
        };
        address.parameters.ssl_mode(match mode {
            "disable" => SslMode::Disable,
            // A server that refuses one without TLS is asked with it, so that `allow` gets what it would get.
            "allow" | "prefer" => SslMode::Prefer,
            _ => SslMode::Require,
        });
        address.verification = verification;
        Ok(address)
    }
}

#[derive(Debug, Default)]
struct TlsParameters {
    mode: Option<String>,
    root_certificate: Option<String>,
}

/// Takes the parameters the driver does not know out of a URL; the rest stays as it is written.
fn split(text: &str) -> (String, TlsParameters) {
    let mut found = TlsParameters::default();
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    // A password may hold a question mark: the driver looks for the parameters behind the first @ too.
    let start = text.find('@').unwrap_or(0);
    let Some(question) = text[start..].find('?').filter(|_| is_url) else {
        return (text.to_owned(), found);
    };
    let (address, query) = text.split_at(start + question);
    let mut rest = Vec::new();
    for pair in query[1..].split('&') {
        // A plus sign is one here, not a space.
        let escaped = pair.replace('+', "%2B");
        match form_urlencoded::parse(escaped.as_bytes()).next() {
            Some((name, value)) if name == "sslmode" => found.mode = Some(value.into_owned()),
            Some((name, value)) if name == "sslrootcert" => found.root_certificate = Some(value.into_owned()),
            _ => rest.push(pair),
        }
    }
    let separator = if rest.is_empty() { "" } else { "?" };
    (format!("{address}{separator}{}", rest.join("&")), found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(address: &DatabaseAddress) -> (SslMode, &'static str) {
        let verified = match address.verification {
            Verification::None => "nothing",
            Verification::Chain(_) => "chain",
            Verification::Full(_) => "full",
        };
        (address.parameters.get_ssl_mode(), verified)
    }

    #[test]
    fn modes_mean_what_they_mean_to_libpq() {
        let ca = std::env::temp_dir().join(format!("ca {}+.pem", uuid::Uuid::now_v7()));
        std::fs::write(&ca, testkit::tls::Authority::new().pem()).unwrap();
        let file = ca.to_str().unwrap().replace(' ', "%20");
        for (query, expected) in [
            (String::new(), (SslMode::Prefer, "nothing")),
            ("?sslmode=disable".into(), (SslMode::Disable, "nothing")),
            ("?sslmode=allow".into(), (SslMode::Prefer, "nothing")),
            ("?sslmode=prefer".into(), (SslMode::Prefer, "nothing")),
            ("?sslmode=require".into(), (SslMode::Require, "nothing")),
            ("?sslmode=verify-ca".into(), (SslMode::Require, "chain")),
            ("?sslmode=verify%2Dfull".into(), (SslMode::Require, "full")),
            ("?sslmode=prefer&sslmode=require".into(), (SslMode::Require, "nothing")),
            (format!("?sslrootcert={file}"), (SslMode::Prefer, "nothing")),
            (
                format!("?sslrootcert={file}&sslmode=require"),
                (SslMode::Require, "chain"),
            ),
            (
                format!("?sslmode=verify-full&sslrootcert={file}"),
                (SslMode::Require, "full"),
            ),
            ("?sslrootcert=system".into(), (SslMode::Require, "full")),
            ("?sslrootcert=&sslmode=require".into(), (SslMode::Require, "nothing")),
        ] {
            let address = DatabaseAddress::parse(&format!("postgres://u:p%3F@h/n{query}")).unwrap();
            assert_eq!(describe(&address), expected, "{query}");
        }
        std::fs::remove_file(ca).unwrap();
    }

    #[test]
    fn other_parameters_stay() {
        let text = "postgresql://u:what?@h:1/n?application_name=a%26b&sslmode=verify-full&connect_timeout=5";
        let address = DatabaseAddress::parse(text).unwrap();
        assert_eq!(address.parameters.get_application_name(), Some("a&b"));
        assert_eq!(address.parameters.get_password(), Some(b"what?".as_slice()));
        assert!(address.parameters.get_connect_timeout().is_some());
        let pairs = DatabaseAddress::parse("host=h user=u sslmode=require").unwrap();
        assert_eq!(describe(&pairs), (SslMode::Require, "nothing"));
    }

    #[test]
    fn unusable_values_are_named() {
        for (query, part) in [
            ("sslmode=verify", "unknown sslmode \"verify\""),
            ("sslmode=", "unknown sslmode \"\""),
            (
                "sslrootcert=/no/such/file&sslmode=verify-ca",
                "cannot read /no/such/file",
            ),
            (
                "sslrootcert=/dev/null&sslmode=verify-ca",
                "/dev/null holds no certificate",
            ),
            ("sslrootcert=/no/such/file", "cannot read /no/such/file"),
            ("sslrootcert=system&sslmode=require", "set sslmode=verify-full"),
            ("sslcert=x", "is not a PostgreSQL address"),
        ] {
            let error = DatabaseAddress::parse(&format!("postgres://h/n?{query}")).unwrap_err();
            assert!(error.to_string().contains(part), "{query}: {error}");
        }
    }
}
