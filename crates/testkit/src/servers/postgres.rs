//! A PostgreSQL of one test.

use std::path::PathBuf;
use std::time::Duration;

use deadpool_postgres::Pool;
use platform::settings::PostgresSettings;

use crate::child::{Child, Folder, User};
use crate::database::patient;
use crate::ports;
use crate::tls::ServerCertificate;

const DEADLINE: Duration = Duration::from_secs(60);
/// Makes the cluster at the first start. A crash of the machine is not part of any test.
const START: &str = r#"
    [ -f "$3/PG_VERSION" ] || "$1" -D "$3" --username=cryptolens --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync
    exec "$2" -D "$3" -h 127.0.0.1 -k '' -p "$4" -c fsync=off -c max_connections=200 -c jit=off -c ssl="$5"
"#;

/// A migrated PostgreSQL server on a free port; it ends with this value.
#[derive(Debug)]
pub struct OwnPostgres {
    /// Settings that lead to its database.
    pub settings: PostgresSettings,
    pub pool: Pool,
    pub url: String,
    port: u16,
    disk: Option<&'static str>,
    shows_certificate: bool,
    child: Option<Child>,
    folder: Folder,
}

impl OwnPostgres {
    /// Makes a cluster, starts it, and applies the migrations.
    ///
    /// # Panics
    ///
    /// It does not start; the message shows its output.
    pub async fn start() -> Self {
        Self::start_on(None).await
    }

    /// The same on a disk of this size, such as `200M`. It vanishes with the server.
    ///
    /// # Panics
    ///
    /// It does not start, or mount namespaces are not allowed here; the message shows its output.
    pub async fn start_on_small_disk(size: &'static str) -> Self {
        Self::start_on(Some(size)).await
    }

    async fn start_on(disk: Option<&'static str>) -> Self {
        let port = ports::free();
        let url = format!("postgres://cryptolens@127.0.0.1:{port}/postgres");
        let settings = patient(PostgresSettings::from_url(&url));
        let pool = platform::postgres::connect(&settings).expect("a valid address");
        let folder = Folder::new("postgres").expect("a folder");
        std::fs::create_dir(folder.path().join("data")).expect("a folder");
        User::Servers.own(folder.path()).expect("a folder of the server");
        let mut own = Self {
            settings,
            pool,
            url,
            port,
            disk,
            shows_certificate: false,
            child: None,
            folder,
        };
        own.resume().await;
        platform::migrate::run(&own.settings).await.expect("migrations");
        own
    }

    /// Starts the server again, with TLS and this certificate.
    ///
    /// # Panics
    ///
    /// It does not start; the message shows its output.
    pub async fn show(&mut self, certificate: &ServerCertificate) {
        self.stop().await;
        for (file, text) in [
            ("server.crt", &certificate.certificate),
            ("server.key", &certificate.key),
        ] {
            self.write(file, text).expect("a file of the server");
        }
        self.shows_certificate = true;
        self.resume().await;
    }

    /// PostgreSQL reads no key that others can read.
    fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join("data").join(file);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        User::Servers.own(&path)
    }

    /// What the server has logged so far.
    ///
    /// # Panics
    ///
    /// The log cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("the log of the server")
    }

    /// Stops the server: connections end, transactions under way are undone.
    ///
    /// # Panics
    ///
    /// It does not stop.
    pub async fn stop(&mut self) {
        let mut child = self.child.take().expect("a running server");
        child.signal("INT").expect("a signal");
        child.wait(DEADLINE).await.expect("PostgreSQL stops");
    }

    /// Starts the server again, with its data.
    ///
    /// # Panics
    ///
    /// It does not start; the message shows its output.
    pub async fn resume(&mut self) {
        let data = self.folder.path().join("data");
        let mut command = match self.disk {
            Some(size) => User::Servers.command_on_small_disk("sh", &data, size),
            None => User::Servers.command("sh"),
        };
        command
            .args(["-ec", START, "sh"])
            .args([program("initdb"), program("postgres"), data])
            .arg(self.port.to_string())
            .arg(if self.shows_certificate { "on" } else { "off" });
        let log = self.folder.path().join("log");
        let mut child = Child::start("postgres", command, &log).expect("postgres");
        child
            .until(DEADLINE, || async {
                platform::postgres::ping(&self.pool).await.is_ok()
            })
            .await
            .expect("PostgreSQL");
        self.child = Some(child);
    }
}

/// A program of the newest installed PostgreSQL.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists())
        .max()
        .unwrap_or_else(|| PathBuf::from(name))
}
