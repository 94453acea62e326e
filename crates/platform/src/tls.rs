//! One TLS stack for the process: rustls with aws-lc-rs.
//!
//! Public authorities are Mozilla's roots and those of the system (`SSL_CERT_FILE`, `SSL_CERT_DIR` or its usual
//! places), so an image without any certificates works, and a private authority installed on the machine does too.

mod authorities;
mod explain;
mod verifier;

use std::sync::Arc;

use rustls::ClientConfig;

pub use authorities::{Authorities, CaFileError, Verification};
pub use explain::explain;
use verifier::Verifier;

/// Chooses the process-wide TLS provider; calling it again changes nothing.
pub fn install_provider() {
    // An error says only that one is installed already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

/// A client configuration that trusts the public certificate authorities.
#[must_use]
pub fn client_config() -> ClientConfig {
    client_config_with(&Verification::Full(Authorities::public()))
}

/// A client configuration that verifies this much of a server's certificate.
#[must_use]
pub fn client_config_with(verification: &Verification) -> ClientConfig {
    install_provider();
    ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(verification)))
        .with_no_client_auth()
}

#[cfg(test)]
mod tests;
