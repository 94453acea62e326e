//! Verifies a server's certificate as far as it is asked to, with rustls's own verifier underneath.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::authorities::Verification;

/// Tag of a DER sequence.
const SEQUENCE: u8 = 0x30;

#[derive(Debug)]
pub(super) struct Verifier {
    /// Absent: any certificate is taken.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Whether the name must be right too.
    checks_name: bool,
    /// Certificates the operator gave; a server may show one of them itself.
    given: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(verification: &Verification) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let (authorities, checks_name) = match verification {
            Verification::None => (None, false),
            Verification::Chain(authorities) => (Some(authorities), false),
            Verification::Full(authorities) => (Some(authorities), true),
        };
        let chain = authorities.map(|authorities| {
            let roots = Arc::new(authorities.roots());
            WebPkiServerVerifier::builder_with_provider(roots, provider)
                .build()
                .expect("authorities are public ones or those of a file that is not empty, and no lists of revocations")
        });
        Self {
            chain,
            checks_name,
            given: authorities
                .map(|authorities| authorities.given.clone())
                .unwrap_or_default(),
            algorithms,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last, so everything else is in order.
            Err(error) if !self.checks_name && is_wrong_name(&error) => Ok(ServerCertVerified::assertion()),
            // `openssl req -x509` makes certificates that may sign others, which webpki lets no server show. It says
            // so after it looked at the dates and before it looks for a signature.
            Err(error) if is_authority_as_server(&error) => {
                if !self.given.contains(end_entity) {
                    return Err(CertificateError::UnknownIssuer.into());
                }
                if self.checks_name {
                    rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            // An authority of a trusted one's name with another key: replaced, or not the one meant.
            Err(Error::InvalidCertificate(CertificateError::BadSignature)) => {
                Err(CertificateError::UnknownIssuer.into())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.chain.is_none() && ParsedCertificate::try_from(certificate).is_err() {
            // Certificates without extensions are of version 1, which webpki does not read. PostgreSQL's manual makes
            // them: https://www.postgresql.org/docs/current/ssl-tcp.html#SSL-CERTIFICATE-CREATION
            let key = public_key(certificate)?;
            return verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms);
        }
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn is_wrong_name(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
    )
}

/// webpki's own error, which rustls passes on as it is.
fn is_authority_as_server(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    other.to_string() == "CaUsedAsEndEntity"
}

/// The key of a certificate of version 1: as an anchor webpki does read it.
fn public_key(certificate: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
    let mut store = RootCertStore::empty();
    store.add(certificate.clone().into_owned())?;
    let fields = store.roots[0].subject_public_key_info.as_ref();
    // An anchor holds the fields without what surrounds them.
    let mut key = vec![SEQUENCE];
    let length = fields.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    match length {
        [short] if *short < 0x80 => key.push(*short),
        // At most eight bytes.
        #[expect(clippy::cast_possible_truncation, reason = "a length of eight bytes at most")]
        long => {
            key.push(0x80 | long.len() as u8);
            key.extend_from_slice(long);
        }
    }
    key.extend_from_slice(fields);
    Ok(SubjectPublicKeyInfoDer::from(key))
}
