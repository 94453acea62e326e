//! A PostgreSQL of one test.

use std::path::PathBuf;
use std::time::Duration;

use deadpool_postgres::Pool;
use platform::settings::PostgresSettings;

use crate::child::{Child, Folder, User, run};
use crate::database::patient;
use crate::ports;
use crate::tls::ServerCertificate;

const DEADLINE: Duration = Duration::from_secs(60);

/// A migrated PostgreSQL server on a free port; it ends with this value.
#[derive(Debug)]
pub struct OwnPostgres {
    /// Settings that lead to its database.
    pub settings: PostgresSettings,
    /// A pool of connections to its database.
    pub pool: Pool,
    /// Address of its database.
    pub url: String,
    port: u16,
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
        let port = ports::free();
        let url = format!("postgres://cryptolens@127.0.0.1:{port}/postgres");
        let settings = patient(PostgresSettings::from_url(&url));
        let pool = platform::postgres::connect(&settings).expect("a valid address");
        let folder = Folder::new("postgres").expect("a folder");
        User::Servers.own(folder.path()).expect("a folder of the server");
        let mut initdb = User::Servers.command(program("initdb"));
        initdb.arg("-D").arg(folder.path().join("data")).args([
            "--username=cryptolens",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        run(&mut initdb).expect("a PostgreSQL cluster");
        let mut own = Self {
            settings,
            pool,
            url,
            port,
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
        let mut command = User::Servers.command(program("postgres"));
        command
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-h", "127.0.0.1", "-k", "", "-p"])
            .arg(self.port.to_string())
            // A crash of the machine is not part of any test.
            .args(["-c", "fsync=off", "-c", "max_connections=200", "-c", "jit=off"]);
        if self.shows_certificate {
            command.args(["-c", "ssl=on"]);
        }
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
