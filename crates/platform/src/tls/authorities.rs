//! Who may sign the certificates of servers, and how much of that is verified.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

/// How much of a server's certificate is verified. That the server holds its key always is.
#[derive(Debug, Clone)]
pub enum Verification {
    /// Any certificate is taken: encrypted, but perhaps with somebody else.
    None,
    /// One of these authorities signed it; the name in it may be any.
    Chain(Authorities),
    /// One of these authorities signed it, for the name that was asked for.
    Full(Authorities),
}

/// Who may sign the certificates of servers.
#[derive(Debug, Clone, Default)]
pub struct Authorities {
    public: bool,
    pub(super) given: Vec<CertificateDer<'static>>,
}

/// Why a file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaFileError {
    /// It cannot be read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        why: std::io::Error,
    },
    /// There is none in it.
    #[error("{0} holds no certificate; give PEM files with BEGIN CERTIFICATE")]
    Empty(String),
    /// One of them is damaged.
    #[error("{path} holds a damaged certificate, number {number}")]
    Damaged {
        /// The file.
        path: String,
        /// Which one, from 1.
        number: usize,
    },
}

impl Authorities {
    /// Those that browsers and this machine trust.
    #[must_use]
    pub fn public() -> Self {
        Self {
            public: true,
            given: Vec::new(),
        }
    }

    /// Those in a PEM file, and these. A server's own certificate may stand there too: then that one is trusted.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is empty or damaged.
    pub fn and_file(mut self, path: &str) -> Result<Self, CaFileError> {
        let text = std::fs::read(path).map_err(|why| CaFileError::Unreadable {
            path: path.to_owned(),
            why,
        })?;
        let mut number = 0;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            number += 1;
            let damaged = || CaFileError::Damaged {
                path: path.to_owned(),
                number,
            };
            let certificate = certificate.map_err(|_: pem::Error| damaged())?;
            roots.add(certificate.clone()).map_err(|_| damaged())?;
            self.given.push(certificate);
        }
        if number == 0 {
            return Err(CaFileError::Empty(path.to_owned()));
        }
        Ok(self)
    }

    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        if self.public {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            // What the system has and we cannot read is not trusted; Mozilla's are there all the same.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        roots.add_parsable_certificates(self.given.iter().cloned());
        roots
    }
}
