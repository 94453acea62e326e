//! One TLS stack for the process: rustls with aws-lc-rs and Mozilla's roots.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// Chooses the process-wide TLS provider; calling it again changes nothing.
pub fn install_provider() {
    // An error says only that one is installed already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

/// A client configuration that trusts the public certificate authorities.
#[must_use]
pub fn client_config() -> ClientConfig {
    install_provider();
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    ClientConfig::builder()
        .with_root_certificates(Arc::new(roots))
        .with_no_client_auth()
}
