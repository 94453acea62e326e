//! Certificates of endpoints are verified unless that is switched off, and what is wrong with one is said in words.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use platform::clock::SystemClock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use testkit::tls::{Authority, ServerCertificate, self_signed};
use uuid::Uuid;

use crate::harness::TestStack;

/// An endpoint that shows this certificate; it answers every request with 200 until the test ends.
fn endpoint(shown: &ServerCertificate) -> String {
    platform::tls::install_provider();
    let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, socket));
            if read_request(&mut stream).is_ok() {
                let stream = stream.get_mut();
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    format!("https://localhost:{port}/")
}

fn read_request(stream: &mut impl BufRead) -> std::io::Result<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            return stream.read_exact(&mut vec![0; length]);
        }
    }
}

/// An endpoint that does not speak TLS.
fn plain_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let _ = socket.read(&mut [0; 1024]);
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            // Until the other side has had enough.
            let _ = socket.read(&mut [0; 1024]);
        }
    });
    format!("https://localhost:{port}/")
}

/// Fires one alert for each endpoint with these settings, and gives what is stored of its only attempt: the status, the
/// error.
async fn attempts(settings: &[(&str, &str)], endpoints: &[String]) -> Vec<(Option<i32>, Option<String>)> {
    let stack = TestStack::new().await;
    let mut settings = settings.to_vec();
    settings.push(("WEBHOOK_MAX_ATTEMPTS", "1"));
    let service = stack.start_with(&settings, SystemClock::shared()).await;
    for url in endpoints {
        service.create(Uuid::now_v7(), "BTC", "gt", "70000", url).await;
    }
    stack.publish("BTC", "70001").await;
    let count = i64::try_from(endpoints.len()).unwrap();
    stack
        .wait_for_count(
            "SELECT count(*) FROM alerting.delivery_attempts WHERE status <> 'open'",
            count,
        )
        .await;
    let client = stack.database.pool.get().await.unwrap();
    let mut found = Vec::new();
    for url in endpoints {
        let query = "SELECT response_code::int, error_msg FROM alerting.delivery_attempts \
            JOIN alerting.deliveries ON deliveries.id = delivery_id \
            JOIN alerting.endpoints ON endpoints.id = endpoint_id WHERE url = $1";
        let row = client.query_one(query, &[url]).await.unwrap();
        found.push((row.get(0), row.get(1)));
    }
    service.stop().await;
    found
}

fn failed(text: &str) -> (Option<i32>, Option<String>) {
    (None, Some(text.to_owned()))
}

const ARRIVED: (Option<i32>, Option<String>) = (Some(200), None);

#[tokio::test]
async fn private_authority_is_trusted_beside_the_public_ones_when_its_file_is_given() {
    let authority = Authority::new();
    let own = self_signed(&["localhost"], true);
    let file: PathBuf = std::env::temp_dir().join(format!("ca-{}.pem", Uuid::now_v7()));
    std::fs::write(&file, format!("{}{}", authority.pem(), own.certificate)).unwrap();
    let endpoints = [
        endpoint(&authority.sign(&["localhost"])),
        endpoint(&own),
        endpoint(&authority.sign(&["other.example"])),
        endpoint(&authority.sign_expired(&["localhost"])),
        endpoint(&Authority::new().sign(&["localhost"])),
        endpoint(&self_signed(&["localhost"], true)),
        endpoint(&self_signed(&["localhost"], false)),
        plain_endpoint(),
    ];
    let unknown = failed("TLS failed: certificate signed by an unknown authority");
    let found = attempts(&[("WEBHOOK_CA_FILE", file.to_str().unwrap())], &endpoints).await;
    std::fs::remove_file(file).unwrap();
    assert_eq!(
        found,
        [
            ARRIVED,
            ARRIVED,
            failed("TLS failed: certificate is not for the name localhost"),
            failed("TLS failed: certificate expired on 2020-01-01"),
            unknown.clone(),
            unknown.clone(),
            unknown,
            failed("TLS failed: the answer is not TLS"),
        ]
    );
}

#[tokio::test]
async fn private_authority_without_its_file_is_unknown() {
    let authority = Authority::new();
    let endpoints = [
        endpoint(&authority.sign(&["localhost"])),
        endpoint(&self_signed(&["localhost"], true)),
    ];
    let unknown = failed("TLS failed: certificate signed by an unknown authority");
    assert_eq!(attempts(&[], &endpoints).await, [unknown.clone(), unknown]);
}

#[tokio::test]
async fn verification_can_be_switched_off() {
    let endpoints = [
        endpoint(&self_signed(&["other.example"], true)),
        endpoint(&Authority::new().sign_expired(&["localhost"])),
    ];
    let found = attempts(&[("WEBHOOK_VERIFY_TLS", "false")], &endpoints).await;
    assert_eq!(found, [ARRIVED, ARRIVED]);
}
