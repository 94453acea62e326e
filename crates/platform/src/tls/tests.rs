use rustls::{AlertDescription, CertificateError, Error};

use super::*;

#[test]
fn failures_are_explained_in_words() {
    let cases = [
        (
            Error::InvalidCertificate(CertificateError::UnknownIssuer),
            "certificate signed by an unknown authority",
        ),
        (
            Error::AlertReceived(AlertDescription::HandshakeFailure),
            "the server refused the handshake (handshake failure)",
        ),
        (Error::DecryptError, "the handshake failed"),
    ];
    for (error, text) in cases {
        assert_eq!(explain(&error), text);
    }
}

#[test]
fn ca_file_problems_name_the_file() {
    let path = std::env::temp_dir().join(format!("ca-{}.pem", uuid::Uuid::now_v7()));
    let path = path.to_str().unwrap();
    let read = || Authorities::default().and_file(path).unwrap_err().to_string();
    assert!(read().starts_with(&format!("cannot read {path}: ")));
    std::fs::write(path, "no certificate\n").unwrap();
    assert!(read().contains("holds no certificate"));
    std::fs::write(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert_eq!(read(), format!("{path} holds a damaged certificate, number 1"));
    std::fs::remove_file(path).unwrap();
}
