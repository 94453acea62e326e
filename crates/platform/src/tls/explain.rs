//! TLS failures in words for people.

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error, PeerIncompatible};

/// What is wrong, for somebody who runs the server: what to look at and no names of a library's types.
#[must_use]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "new failures of the library are rare ones"
)]
pub fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => explain_certificate(why),
        Error::NoCertificatesPresented => "no certificate was shown".to_owned(),
        Error::AlertReceived(alert) => format!("the server refused the handshake ({})", spaced(&format!("{alert:?}"))),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => "the answer is not TLS".to_owned(),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::Tls12NotOffered,
        ) => "the server speaks only versions older than TLS 1.2".to_owned(),
        Error::PeerIncompatible(_) => "no cipher or key exchange in common".to_owned(),
        _ => "the handshake failed".to_owned(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "new failures of the library are rare ones"
)]
fn explain_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "certificate signed by an unknown authority".to_owned(),
        CertificateError::Expired => "certificate expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => format!("certificate expired on {}", day(*not_after)),
        CertificateError::NotValidYet => "certificate is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("certificate is not valid before {}", day(*not_before))
        }
        CertificateError::NotValidForName => "certificate is for another name".to_owned(),
        CertificateError::NotValidForNameContext { expected, .. } => {
            format!("certificate is not for the name {}", expected.to_str())
        }
        CertificateError::Revoked => "certificate was revoked".to_owned(),
        CertificateError::BadSignature => "the server does not hold the key of its certificate".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "certificate is not meant for a server".to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "certificate has a signature of an unsupported kind".to_owned()
        }
        // webpki's texts for what rustls has no word for are names of its errors.
        CertificateError::Other(other) => format!("certificate is not accepted ({})", spaced(&other.to_string())),
        _ => "certificate is damaged".to_owned(),
    }
}

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(|_| "a day out of range".to_owned(), |at| at.strftime("%F").to_string())
}

/// `HandshakeFailure` as `handshake failure`.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && words.ends_with(|last: char| last.is_lowercase()) {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
