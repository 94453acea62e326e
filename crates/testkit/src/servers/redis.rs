//! A Redis of one test. It keeps nothing on disk, so a stop also loses all data.

use std::time::Duration;

use platform::settings::RedisSettings;

use crate::child::{Child, Folder, User};
use crate::ports;

const DEADLINE: Duration = Duration::from_secs(20);

/// A Redis server on a free port; it ends with this value.
#[derive(Debug)]
pub struct OwnRedis {
    pub settings: RedisSettings,
    pub url: String,
    port: u16,
    child: Option<Child>,
    folder: Folder,
}

impl OwnRedis {
    /// Starts a server.
    ///
    /// # Panics
    ///
    /// It does not start; the message shows its output.
    pub async fn start() -> Self {
        let port = ports::free();
        let url = format!("redis://127.0.0.1:{port}/0");
        let folder = Folder::new("redis").expect("a folder");
        User::Servers.own(folder.path()).expect("a folder of the server");
        let settings = RedisSettings::from_url(&url);
        let mut own = Self {
            settings,
            url,
            port,
            child: None,
            folder,
        };
        own.resume().await;
        own
    }

    pub fn stop(&mut self) {
        self.child = None;
    }

    /// Starts the server again, empty.
    ///
    /// # Panics
    ///
    /// It does not start; the message shows its output.
    pub async fn resume(&mut self) {
        let mut command = User::Servers.command("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
            .arg(self.port.to_string())
            .arg("--dir")
            .arg(self.folder.path());
        let log = self.folder.path().join("log");
        let mut child = Child::start("redis-server", command, &log).expect("redis-server: run `make test`");
        let connection = platform::redis::connect(&self.settings).expect("a valid address");
        child
            .until(DEADLINE, || async { platform::redis::check(&connection).await.is_ok() })
            .await
            .expect("Redis");
        self.child = Some(child);
    }
}
