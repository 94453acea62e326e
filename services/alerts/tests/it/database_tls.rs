//! The service on a PostgreSQL whose certificate it has to verify.

use platform::clock::SystemClock;
use testkit::OwnPostgres;
use testkit::tls::self_signed;
use uuid::Uuid;

use crate::harness::TestStack;

#[tokio::test]
async fn listening_connection_is_verified_as_well() {
    let stack = TestStack::new().await;
    let certificate = self_signed(&["localhost"], true);
    let file = std::env::temp_dir().join(format!("ca-{}.pem", Uuid::now_v7()));
    std::fs::write(&file, &certificate.certificate).unwrap();
    let mut server = OwnPostgres::start().await;
    server.show(&certificate).await;
    let url = server.url.replace("127.0.0.1", "localhost");
    let url = format!(
        "{url}?sslmode=verify-full&application_name=tested&sslrootcert={}",
        file.to_str().unwrap()
    );
    let service = stack.start_with(&[("DATABASE_URL", &url)], SystemClock::shared()).await;
    let listening = "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) \
        WHERE application_name = 'tested' AND query LIKE 'LISTEN %' AND ssl";
    let pool = &server.pool;
    testkit::eventually("it listens", || async {
        let count: i64 = pool
            .get()
            .await
            .unwrap()
            .query_one(listening, &[])
            .await
            .unwrap()
            .get(0);
        count == 1
    })
    .await;
    service.stop().await;
    std::fs::remove_file(file).unwrap();
}
