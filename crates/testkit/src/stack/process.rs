//! One process of a service: where its binary is, how it starts, when it is ready.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Client;

use crate::child::{Child, User};
use crate::ports;

/// The services, in the order in which a price passes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Fetch,
    CoreAnalytics,
    Alerts,
    Gateway,
}

impl Service {
    pub const ALL: [Self; 4] = [Self::Fetch, Self::CoreAnalytics, Self::Alerts, Self::Gateway];

    #[must_use]
    pub fn binary(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::CoreAnalytics => "core-analytics",
            Self::Alerts => "alerts",
            Self::Gateway => "gateway",
        }
    }
}

/// A process that runs, or could.
#[derive(Debug)]
pub(super) struct ServiceProcess {
    pub(super) service: Service,
    /// Which of several processes of the service it is.
    pub(super) copy: usize,
    name: String,
    port: u16,
    variables: BTreeMap<String, String>,
    log: PathBuf,
    child: Option<Child>,
}

impl ServiceProcess {
    pub(super) fn new(service: Service, copy: usize, logs: &Path) -> Self {
        let name = format!("{}-{copy}", service.binary());
        Self {
            service,
            copy,
            port: ports::free(),
            variables: BTreeMap::new(),
            log: logs.join(format!("{name}.log")),
            child: None,
            name,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Gives it the common variables and its own ports.
    pub(super) fn configure(&mut self, common: &BTreeMap<String, String>) {
        self.variables.clone_from(common);
        for (name, port) in [("PORT", self.port), ("INTERNAL_PORT", ports::free())] {
            self.variables.insert(name.to_owned(), port.to_string());
        }
    }

    pub(super) fn spawn(&mut self) {
        let mut command = User::Same.command(binary(self.service));
        command.envs(&self.variables).env("RUST_BACKTRACE", "1");
        self.child = Some(Child::start(&self.name, command, &self.log).expect("a service"));
    }

    pub(super) fn kill(&mut self) {
        self.assert_alive();
        self.child = None;
    }

    pub(super) fn signal(&self, signal: &str) {
        let child = self.child.as_ref().expect("a running process");
        child.signal(signal).expect("a signal");
    }

    pub(super) fn assert_alive(&mut self) {
        if let Some(child) = &mut self.child
            && let Some(status) = child.exited()
        {
            panic!("{} died by itself ({status}):\n{}", self.name, child.output());
        }
    }

    /// Waits until it says that it is ready; a process that does not run is passed over.
    pub(super) async fn until_ready(&mut self, http: &Client, deadline: Duration) {
        let url = format!("{}/health/ready", self.url());
        if let Some(child) = &mut self.child {
            let ready = || async {
                http.get(&url)
                    .send()
                    .await
                    .is_ok_and(|response| response.status().is_success())
            };
            child.until(deadline, ready).await.expect("a ready service");
        }
    }
}

/// The binary beside the test's own, as `cargo build --workspace` puts it.
fn binary(service: Service) -> PathBuf {
    let own = std::env::current_exe().expect("a path of this test");
    let folder = own.ancestors().nth(2).expect("a target folder");
    let path = folder.join(service.binary());
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace` first, as `make test` does",
        path.display()
    );
    path
}
