//! Signatures of the Standard Webhooks scheme: made for every attempt, and checked on request.
//!
//! A signature covers `{id}.{timestamp}.{body}`, so a copied body cannot be sent again under another time.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use rand::TryRng as _;
use rand::rngs::{SysError, SysRng};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
const SECRET_BYTES: usize = 32;

/// How far a signed time may lie from now, in seconds, before it counts as a replay.
const TOLERANCE_SECONDS: i64 = 300;

/// The key that an endpoint and this platform share. Prints as `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Vec<u8>);

/// A text that is no secret of the form `whsec_<base64>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is whsec_ followed by base64")]
pub struct MalformedSecret;

impl SigningSecret {
    /// A new secret of 32 bytes from the operating system's generator.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, SysError> {
        let mut bytes = [0; SECRET_BYTES];
        SysRng.try_fill_bytes(&mut bytes)?;
        Ok(Self(bytes.to_vec()))
    }

    /// Reads `whsec_<base64>`.
    ///
    /// # Errors
    /// When the prefix is missing, the rest is not base64, or nothing is left.
    pub fn parse(text: &str) -> Result<Self, MalformedSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(MalformedSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| MalformedSecret)?;
        if bytes.is_empty() {
            Err(MalformedSecret)
        } else {
            Ok(Self(bytes))
        }
    }

    /// The secret as its owner sees and we store it.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The value of `webhook-signature` for one attempt.
    pub fn sign(&self, message_id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
        let digest = self
            .mac(message_id, &timestamp_seconds.to_string(), body)
            .finalize()
            .into_bytes();
        format!("v1,{}", STANDARD.encode(digest))
    }

    fn mac(&self, message_id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(message_id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("malformed_secret")]
    MalformedSecret,
    #[error("missing_header")]
    MissingHeader,
    #[error("malformed_timestamp")]
    MalformedTimestamp,
    /// It was signed more than five minutes ago.
    #[error("timestamp_too_old")]
    TimestampTooOld,
    /// It was signed more than five minutes ahead.
    #[error("timestamp_too_new")]
    TimestampTooNew,
    #[error("signature_mismatch")]
    SignatureMismatch,
}

/// Checks what an endpoint got: the headers by name in any case, and the body exactly as received.
///
/// # Errors
/// The first reason why the request is not to be trusted.
pub fn verify(secret: &str, headers: &BTreeMap<String, String>, body: &[u8], now: Timestamp) -> Result<(), Rejected> {
    let secret = SigningSecret::parse(secret).map_err(|MalformedSecret| Rejected::MalformedSecret)?;
    let header = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .ok_or(Rejected::MissingHeader)
    };
    let (id, timestamp, signatures) = (
        header("webhook-id")?,
        header("webhook-timestamp")?,
        header("webhook-signature")?,
    );
    let signed_at: i64 = timestamp.parse().map_err(|_| Rejected::MalformedTimestamp)?;
    let age = now.as_second().saturating_sub(signed_at);
    if age > TOLERANCE_SECONDS {
        return Err(Rejected::TimestampTooOld);
    }
    if age < -TOLERANCE_SECONDS {
        return Err(Rejected::TimestampTooNew);
    }
    let expected = secret.mac(id, timestamp, body);
    let ours = signatures
        .split_ascii_whitespace()
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        .any(|digest| expected.clone().verify_slice(&digest).is_ok());
    if ours { Ok(()) } else { Err(Rejected::SignatureMismatch) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const SIGNED_AT: i64 = 1_649_367_553;
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;

    fn headers(signature: &str) -> BTreeMap<String, String> {
        [
            ("Webhook-Id", ID),
            ("webhook-timestamp", "1649367553"),
            ("WEBHOOK-SIGNATURE", signature),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn published_example_of_the_scheme_is_reproduced() {
        let signature = SigningSecret::parse(SECRET).unwrap().sign(ID, SIGNED_AT, BODY);
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn independent_verifier_accepts_what_we_sign() {
        let secret = SigningSecret::generate().unwrap();
        let verifier = standardwebhooks::Webhook::new(&secret.expose()).unwrap();
        let signed = secret.sign(ID, SIGNED_AT, BODY);
        let independent = verifier.sign(ID, SIGNED_AT, BODY).unwrap();
        assert_eq!(signed, independent);
    }

    #[test]
    fn our_own_signature_verifies_among_others() {
        let signature = SigningSecret::parse(SECRET).unwrap().sign(ID, SIGNED_AT, BODY);
        let many = format!("v1a,AAAA v1,AAAA {signature}");
        assert_eq!(verify(SECRET, &headers(&many), BODY, at(SIGNED_AT + 300)), Ok(()));
    }

    #[rstest]
    #[case(SECRET, 301, Rejected::TimestampTooOld)]
    #[case(SECRET, -301, Rejected::TimestampTooNew)]
    #[case("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", 0, Rejected::MalformedSecret)]
    #[case("whsec_", 0, Rejected::MalformedSecret)]
    #[case("whsec_AAAA", 0, Rejected::SignatureMismatch)]
    fn rejection_names_its_reason(#[case] secret: &str, #[case] age: i64, #[case] expected: Rejected) {
        let signature = SigningSecret::parse(SECRET).unwrap().sign(ID, SIGNED_AT, BODY);
        assert_eq!(
            verify(secret, &headers(&signature), BODY, at(SIGNED_AT + age)),
            Err(expected)
        );
    }

    #[test]
    fn changed_body_or_a_missing_header_is_rejected() {
        let signature = SigningSecret::parse(SECRET).unwrap().sign(ID, SIGNED_AT, BODY);
        let mut received = headers(&signature);
        assert_eq!(
            verify(SECRET, &received, b"{}", at(SIGNED_AT)),
            Err(Rejected::SignatureMismatch)
        );
        received.insert("webhook-timestamp".to_owned(), "yesterday".to_owned());
        assert_eq!(
            verify(SECRET, &received, BODY, at(SIGNED_AT)),
            Err(Rejected::MalformedTimestamp)
        );
        received.remove("Webhook-Id");
        assert_eq!(
            verify(SECRET, &received, BODY, at(SIGNED_AT)),
            Err(Rejected::MissingHeader)
        );
    }

    #[test]
    fn secret_is_32_bytes_and_never_printed() {
        let secret = SigningSecret::generate().unwrap();
        assert_eq!(SigningSecret::parse(&secret.expose()), Ok(secret.clone()));
        assert_eq!(secret.0.len(), 32);
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_ne!(secret, SigningSecret::generate().unwrap());
    }
}
