//! Certificates as operators have them: private authorities, self-signed, expired, for another name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

/// What a server shows and the key that proves it, both PEM.
#[derive(Debug, Clone)]
pub struct ServerCertificate {
    pub certificate: String,
    pub key: String,
}

#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one that is not trusted yet.
    ///
    /// # Panics
    ///
    /// No key can be made.
    #[must_use]
    pub fn new() -> Self {
        let mut params = params(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, key()).expect("a certificate"))
    }

    /// Its own certificate, as a file of authorities holds it.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names, valid now.
    ///
    /// # Panics
    ///
    /// A name is none.
    #[must_use]
    pub fn sign(&self, names: &[&str]) -> ServerCertificate {
        self.sign_params(&params(names))
    }

    /// A certificate that expired on the first day of 2020.
    ///
    /// # Panics
    ///
    /// A name is none.
    #[must_use]
    pub fn sign_expired(&self, names: &[&str]) -> ServerCertificate {
        let mut params = params(names);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign_params(&params)
    }

    fn sign_params(&self, params: &CertificateParams) -> ServerCertificate {
        let key = key();
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        ServerCertificate {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A certificate that is signed by its own key. `openssl req -x509` makes one that may sign others as well,
/// Debian's `ssl-cert` one that may not.
///
/// # Panics
///
/// A name is none.
#[must_use]
pub fn self_signed(names: &[&str], may_sign_others: bool) -> ServerCertificate {
    let mut params = params(names);
    params.is_ca = if may_sign_others {
        IsCa::Ca(BasicConstraints::Unconstrained)
    } else {
        IsCa::ExplicitNoCa
    };
    let key = key();
    ServerCertificate {
        certificate: params.self_signed(&key).expect("a certificate").pem(),
        key: key.serialize_pem(),
    }
}

/// A certificate of version 1, as `openssl x509 -req` makes without a file of extensions. Its signature is worth
/// nothing.
///
/// # Panics
///
/// No certificate can be made.
#[must_use]
pub fn version_1() -> ServerCertificate {
    let key = key();
    let certificate = params(&[]).self_signed(&key).expect("a certificate");
    let (_, fields, _) = split_der(certificate.der());
    let (_, mut signed, signature) = split_der(fields);
    let mut kept = Vec::new();
    while !signed.is_empty() {
        let (tag, _, rest) = split_der(signed);
        let (field, rest) = signed.split_at(signed.len() - rest.len());
        if tag != DER_VERSION && tag != DER_EXTENSIONS {
            kept.extend_from_slice(field);
        }
        signed = rest;
    }
    let mut fields = der_sequence(&kept);
    fields.extend_from_slice(signature);
    let text = STANDARD.encode(der_sequence(&fields));
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for (position, letter) in text.chars().enumerate() {
        pem.push(letter);
        if position % 64 == 63 {
            pem.push('\n');
        }
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    ServerCertificate {
        certificate: pem,
        key: key.serialize_pem(),
    }
}

const DER_SEQUENCE: u8 = 0x30;
const DER_VERSION: u8 = 0xa0;
const DER_EXTENSIONS: u8 = 0xa3;

/// Tag, content and what follows.
fn split_der(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (length, start) = match usize::from(der[1]) {
        short @ ..0x80 => (short, 2),
        long => {
            let bytes = &der[2..2 + (long & 0x7f)];
            let length = bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, 2 + bytes.len())
        }
    };
    let (content, rest) = der[start..].split_at(length);
    (der[0], content, rest)
}

fn der_sequence(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("a small certificate");
    let mut der = vec![DER_SEQUENCE, 0x82];
    if length < 0x100 {
        der = vec![DER_SEQUENCE, 0x81];
    }
    if length < 0x80 {
        der.truncate(1);
    }
    let bytes = length.to_be_bytes();
    der.extend_from_slice(if length < 0x100 { &bytes[1..] } else { &bytes });
    der.extend_from_slice(content);
    der
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).expect("names")
}
