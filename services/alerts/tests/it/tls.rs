//! Certificates are checked unless that is switched off.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use alerts::delivery::guard::Guard;
use alerts::delivery::send::{Answer, Poster, PosterSettings, SendError, WebhookRequest};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A receiver with a certificate that no authority signed; it answers every request with 200 until the test ends.
fn self_signed_receiver() -> String {
    platform::tls::install_provider();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, socket);
            let mut head = [0; 4096];
            if stream.read(&mut head).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    format!("https://localhost:{port}/")
}

async fn post(url: &str, verify_tls: bool) -> Result<Answer, SendError> {
    let guard = Guard {
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        allowed_ports: vec!["*".parse().unwrap()],
        require_https: true,
    };
    let settings = PosterSettings {
        timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(5),
        verify_tls,
        idle_per_host: 1,
    };
    let poster = Poster::new(Arc::new(guard), &settings).unwrap();
    let request = WebhookRequest {
        url,
        message_id: "m-1".to_owned(),
        timestamp: 1,
        signature: "v1,x".to_owned(),
        attempt: 1,
        traceparent: "00-0-0-01".to_owned(),
        body: "{}",
    };
    poster.post(&request).await
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_refused() {
    let refused = post(&self_signed_receiver(), true).await;
    assert!(
        matches!(&refused, Err(SendError::Tls(why)) if why.contains("certificate")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn verification_can_be_switched_off() {
    let answer = post(&self_signed_receiver(), false).await.unwrap();
    assert_eq!((answer.status, answer.excerpt.as_str()), (200, "ok"));
}
