//! `sslmode` and `sslrootcert` against a PostgreSQL with every kind of certificate.

use std::path::PathBuf;

use platform::postgres::{connect, open};
use platform::settings::PostgresSettings;
use testkit::OwnPostgres;
use testkit::tls::{Authority, ServerCertificate, self_signed, version_1};

/// A file of authorities that is removed with this value.
struct CaFile(PathBuf);

impl CaFile {
    fn new(pem: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ca-{}.pem", uuid::Uuid::now_v7()));
        std::fs::write(&path, pem).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// Whether the pool's connection is encrypted, or why there is none.
async fn try_connect(url: &str) -> Result<bool, String> {
    let mut settings = PostgresSettings::from_url(url);
    settings.database_connect_timeout_ms = 30_000;
    settings.database_wait_timeout_ms = 30_000;
    let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let outside = async {
        let (client, connection) = open(&settings).await?;
        tokio::spawn(connection);
        anyhow::Ok(client.query_one(query, &[]).await?.get(0))
    };
    let outside: Result<bool, _> = outside.await;
    let pool = connect(&settings).map_err(|error| format!("{error:#}"))?;
    let inside = match pool.get().await {
        Ok(client) => Ok(client.query_one(query, &[]).await.unwrap().get(0)),
        Err(error) => Err(format!("{:#}", anyhow::Error::new(error))),
    };
    assert_eq!(outside.ok(), inside.clone().ok(), "in the pool as outside of it: {url}");
    inside
}

const MODES: [&str; 5] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

/// The modes of [`MODES`] that connect, each as its first letters: without TLS, and with it.
async fn modes_that_connect(server: &OwnPostgres, root: &str) -> String {
    // The certificates are for this name, not for the address.
    let url = server.url.replace("127.0.0.1", "localhost");
    let mut connected = Vec::new();
    for mode in MODES {
        match try_connect(&format!("{url}?sslmode={mode}{root}")).await {
            Ok(encrypted) => {
                assert_eq!(encrypted, mode != "disable", "{mode}");
                connected.push(mode);
            }
            Err(error) => assert!(!error.contains("CaUsedAsEndEntity"), "{mode}: {error}"),
        }
    }
    connected.join(" ")
}

#[tokio::test]
async fn every_mode_with_every_certificate() {
    let authority = Authority::new();
    let stranger = CaFile::new(&Authority::new().pem());
    let plain = self_signed(&["localhost"], false);
    let may_sign = self_signed(&["localhost"], true);
    let may_sign_elsewhere = self_signed(&["other.example"], true);
    let all = "disable prefer require verify-ca verify-full";
    let chain = "disable prefer require verify-ca";
    let unverified = "disable prefer require";
    let failed = "disable prefer";
    let own = |server: &ServerCertificate| server.certificate.clone();
    // The certificate, the file that makes it trusted, and the modes that connect: without a file, with it.
    let cases = [
        ("self-signed", &plain, own(&plain), all),
        ("self-signed authority", &may_sign, own(&may_sign), all),
        (
            "self-signed authority for another name",
            &may_sign_elsewhere,
            own(&may_sign_elsewhere),
            chain,
        ),
        ("private", &authority.sign(&["localhost"]), authority.pem(), all),
        (
            "private for another name",
            &authority.sign(&["other.example"]),
            authority.pem(),
            chain,
        ),
        (
            "expired",
            &authority.sign_expired(&["localhost"]),
            authority.pem(),
            failed,
        ),
        (
            "expired for another name",
            &authority.sign_expired(&["other.example"]),
            authority.pem(),
            failed,
        ),
    ];
    let version_1 = version_1();
    let mut server = OwnPostgres::start().await;
    assert_eq!(modes_that_connect_without_tls(&server).await, "disable prefer");
    for (name, certificate, trusted, expected) in cases {
        server.show(certificate).await;
        let trusted = CaFile::new(&trusted);
        let with = |file: &CaFile| format!("&sslrootcert={}", file.path());
        assert_eq!(modes_that_connect(&server, "").await, unverified, "{name}, no file");
        assert_eq!(
            modes_that_connect(&server, &with(&trusted)).await,
            expected,
            "{name}, its file"
        );
        assert_eq!(
            modes_that_connect(&server, &with(&stranger)).await,
            failed,
            "{name}, a stranger's"
        );
    }
    // webpki verifies no certificate of version 1, but an unverified one serves.
    server.show(&version_1).await;
    let trusted = CaFile::new(&version_1.certificate);
    assert_eq!(modes_that_connect(&server, "").await, unverified, "version 1");
    let its_file = format!("&sslrootcert={}", trusted.path());
    assert_eq!(
        modes_that_connect(&server, &its_file).await,
        failed,
        "version 1, its file"
    );
    // A private authority is none of the system's.
    let system = format!("{}?sslrootcert=system", server.url);
    let error = try_connect(&system).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
}

async fn modes_that_connect_without_tls(server: &OwnPostgres) -> String {
    let mut connected = Vec::new();
    for mode in MODES {
        if let Ok(encrypted) = try_connect(&format!("{}?sslmode={mode}", server.url)).await {
            assert!(!encrypted, "{mode}");
            connected.push(mode);
        }
    }
    connected.join(" ")
}

#[tokio::test]
async fn migrations_and_ip_addresses_are_verified_as_well() {
    let authority = Authority::new();
    let trusted = CaFile::new(&authority.pem());
    let mut server = OwnPostgres::start().await;
    server.show(&authority.sign(&["127.0.0.1"])).await;
    let url = |host: &str| {
        let url = server.url.replace("127.0.0.1", host);
        PostgresSettings::from_url(&format!("{url}?sslmode=verify-full&sslrootcert={}", trusted.path()))
    };
    let migrated = platform::migrate::run(&url("127.0.0.1")).await.unwrap();
    assert_eq!(migrated.applied, Vec::<String>::new());
    let error = platform::migrate::run(&url("localhost")).await.unwrap_err();
    assert!(format!("{error:#}").contains("not valid for name"), "{error:#}");
}
