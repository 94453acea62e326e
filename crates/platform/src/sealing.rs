//! Secrets at rest: AES-256-GCM under a key from the settings, bound to the row that holds them.
//!
//! A sealed text is `v1.<key id>.<base64url of nonce and ciphertext>`. The key id is the beginning of the key's
//! SHA-256, so it tells which key is needed and nothing else.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

const VERSION: &str = "v1";

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

const BASE64URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT.with_encode_padding(false));

const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not {KEY_BYTES} bytes of base64 or hex; make one with: openssl rand -base64 {KEY_BYTES}")]
pub struct MalformedKey;

/// Why a text cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was not made here.
    #[error("not a sealed text")]
    Malformed,
    /// Its key is not in the ring.
    #[error("sealed under key {0}, which is neither SECRETS_KEY nor one of SECRETS_KEYS_OLD")]
    UnknownKey(String),
    /// It was changed, or belongs to something else.
    #[error("damaged, or sealed for another row")]
    Rejected,
}

/// The random generator or the cipher failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot seal: the system gives no random bytes")]
pub struct SealError;

struct Key {
    id: String,
    cipher: RandomizedNonceKey,
}

impl Key {
    fn new(bytes: &[u8]) -> Result<Self, MalformedKey> {
        Ok(Self {
            id: hex(&digest(&SHA256, bytes).as_ref()[..4]),
            cipher: RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| MalformedKey)?,
        })
    }

    fn parse(text: &str) -> Result<Self, MalformedKey> {
        let is_key = |bytes: &Vec<u8>| bytes.len() == KEY_BYTES;
        let bytes = from_hex(text)
            .filter(is_key)
            .or_else(|| BASE64.decode(text).ok().filter(is_key))
            .or_else(|| BASE64URL.decode(text).ok().filter(is_key))
            .ok_or(MalformedKey)?;
        Self::new(&bytes)
    }
}

/// The key that seals, and those that only open. Prints the ids of its keys.
pub struct KeyRing {
    current: Key,
    old: Vec<Key>,
}

impl KeyRing {
    /// Seals under `current`, and opens under the old keys too. A key is 32 bytes as base64 or hex.
    ///
    /// # Errors
    ///
    /// The current key is none.
    pub fn new(current: &str) -> Result<Self, MalformedKey> {
        Ok(Self {
            current: Key::parse(current)?,
            old: Vec::new(),
        })
    }

    /// A ring for development and tests, whose key is in this source.
    ///
    /// # Errors
    ///
    /// The cipher cannot be set up.
    pub fn insecure() -> Result<Self, MalformedKey> {
        Ok(Self {
            current: Key::new(digest(&SHA256, b"the development key, known to everyone").as_ref())?,
            old: Vec::new(),
        })
    }

    /// Also opens under this key.
    ///
    /// # Errors
    ///
    /// It is no key.
    pub fn and_old(mut self, text: &str) -> Result<Self, MalformedKey> {
        self.old.push(Key::parse(text)?);
        Ok(self)
    }

    /// How every text begins that is sealed under the current key.
    #[must_use]
    pub fn current_prefix(&self) -> String {
        format!("{VERSION}.{}.", self.current.id)
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    /// Says whether the ring holds the key of this id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.keys().any(|key| key.id == id)
    }

    /// Says whether there are keys that only open.
    #[must_use]
    pub fn has_old(&self) -> bool {
        !self.old.is_empty()
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.old)
    }

    /// Says whether a text has the form of a sealed one.
    #[must_use]
    pub fn is_sealed(text: &str) -> bool {
        parts(text).is_some()
    }

    /// Seals `plain` for the one place that `context` names, such as a table and the id of a row: it opens nowhere
    /// else.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<String, SealError> {
        let mut sealed = plain.to_vec();
        let nonce = self
            .current
            .cipher
            .seal_in_place_append_tag(Aad::from(context), &mut sealed)
            .map_err(|_| SealError)?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(format!("{VERSION}.{}.{}", self.current.id, BASE64URL.encode(bytes)))
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    ///
    /// The text is damaged or from elsewhere, or its key is missing.
    pub fn open(&self, context: &str, sealed: &str) -> Result<Vec<u8>, OpenError> {
        let (id, encoded) = parts(sealed).ok_or(OpenError::Malformed)?;
        let key = self
            .keys()
            .find(|key| key.id == id)
            .ok_or_else(|| OpenError::UnknownKey(id.to_owned()))?;
        let mut bytes = BASE64URL.decode(encoded).map_err(|_| OpenError::Malformed)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(OpenError::Malformed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Malformed)?;
        key.cipher
            .open_in_place(nonce, Aad::from(context), sealed)
            .map(|plain| plain.to_vec())
            .map_err(|_| OpenError::Rejected)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let old: Vec<&str> = self.old.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("KeyRing")
            .field("current", &self.current.id)
            .field("old", &old)
            .finish()
    }
}

/// The key id and the encoded bytes of a sealed text.
fn parts(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff";
    const OTHER: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    const ROW: &str = "endpoints.1";

    #[rstest]
    #[case::hex(HEX)]
    #[case::upper_case("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1EFF")]
    #[case::base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=")]
    #[case::unpadded("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8")]
    fn key_is_read_in_each_form(#[case] text: &str) {
        let sealed = KeyRing::new(HEX).unwrap().seal(ROW, b"secret").unwrap();
        assert_eq!(KeyRing::new(text).unwrap().open(ROW, &sealed).unwrap(), b"secret");
    }

    #[test]
    fn key_is_read_in_both_alphabets() {
        let plain = "+/".repeat(21) + "8=";
        let url = "-_".repeat(21) + "8";
        let sealed = KeyRing::new(&plain).unwrap().seal(ROW, b"secret").unwrap();
        assert_eq!(KeyRing::new(&url).unwrap().open(ROW, &sealed).unwrap(), b"secret");
    }

    #[rstest]
    #[case("")]
    #[case("password")]
    #[case("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==")]
    #[case("00")]
    #[case("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1")]
    fn malformed_key_is_refused(#[case] text: &str) {
        assert!(matches!(KeyRing::new(text), Err(MalformedKey)));
    }

    #[test]
    fn sealed_text_names_its_key_and_differs_each_time() {
        let ring = KeyRing::new(HEX).unwrap();
        let (first, second) = (ring.seal(ROW, b"secret").unwrap(), ring.seal(ROW, b"secret").unwrap());
        assert_ne!(first, second);
        assert!(first.starts_with(&ring.current_prefix()), "{first}");
        assert!(KeyRing::is_sealed(&first));
        assert!(!KeyRing::is_sealed("whsec_AAAA"));
    }

    #[test]
    fn sealed_text_opens_in_its_place_only() {
        let ring = KeyRing::new(HEX).unwrap();
        let sealed = ring.seal(ROW, b"secret").unwrap();
        assert_eq!(ring.open("endpoints.2", &sealed), Err(OpenError::Rejected));
    }

    #[test]
    fn old_key_opens_and_does_not_seal() {
        let sealed = KeyRing::new(HEX).unwrap().seal(ROW, b"secret").unwrap();
        let rotated = KeyRing::new(OTHER).unwrap();
        let id = sealed.split('.').nth(1).unwrap().to_owned();
        assert_eq!(rotated.open(ROW, &sealed), Err(OpenError::UnknownKey(id)));
        let rotated = rotated.and_old(HEX).unwrap();
        assert_eq!(rotated.open(ROW, &sealed).unwrap(), b"secret");
        let again = rotated.seal(ROW, b"secret").unwrap();
        assert!(again.starts_with(&KeyRing::new(OTHER).unwrap().current_prefix()));
    }

    #[test]
    fn any_changed_character_is_noticed() {
        let ring = KeyRing::new(HEX).unwrap();
        let sealed = ring.seal(ROW, b"secret").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(ring.open(ROW, &changed).is_err(), "{changed}");
        }
        for end in 0..sealed.len() {
            assert!(ring.open(ROW, &sealed[..end]).is_err());
        }
    }

    #[test]
    fn ring_prints_no_key() {
        let printed = format!("{:?}", KeyRing::new(HEX).unwrap().and_old(OTHER).unwrap());
        assert!(!printed.contains(HEX) && !printed.contains(OTHER), "{printed}");
        assert!(printed.len() < 100, "{printed}");
    }
}
