//! A service as a process: the release binary beside this one, with settings from here and nothing else.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

use crate::load;

/// Longest time a service may take until it is ready.
const START: Duration = Duration::from_secs(60);

/// A running service; killed when dropped.
pub struct Service {
    name: &'static str,
    child: Child,
    pub port: u16,
}

/// The binary of this name beside this one.
fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        bail!("{} is missing: run `make bench`", path.display())
    }
}

impl Service {
    /// Starts a service and waits until it is ready.
    ///
    /// # Errors
    ///
    /// It is not built, or not ready in time.
    pub async fn start(name: &'static str, settings: &[(&str, String)]) -> anyhow::Result<Self> {
        Self::launch(name, name, &[], testkit::ports::free(), settings, "/health/ready").await
    }

    /// Starts the bare handler.
    ///
    /// # Errors
    ///
    /// It does not answer in time.
    pub async fn bare(body: &str) -> anyhow::Result<Self> {
        let port = testkit::ports::free();
        Self::launch("bare", "bench", &["bare", &port.to_string(), body], port, &[], "/").await
    }

    async fn launch(
        name: &'static str,
        program: &str,
        arguments: &[&str],
        port: u16,
        settings: &[(&str, String)],
        ready: &str,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(binary(program)?);
        command
            .args(arguments)
            .env_clear()
            .env("PORT", port.to_string())
            .env("APP_ENV", "test")
            .env("LOG_LEVEL", "error")
            .envs(settings.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("start {name}"))?;
        let mut service = Self { name, child, port };
        service.await_ready(ready).await?;
        Ok(service)
    }

    async fn await_ready(&mut self, path: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        let request = load::request(self.port, path, &[]);
        let mut last = String::new();
        while began.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended while starting: {status}", self.name);
            }
            match load::get(self.port, &request).await {
                Ok(response) if response.status == 200 => return Ok(()),
                Ok(response) => last = response.body,
                Err(error) => last = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{} is not ready after {START:?}: {last}", self.name)
    }

    /// Resident memory in MiB.
    ///
    /// # Errors
    ///
    /// The process is gone.
    pub fn resident_mib(&self) -> anyhow::Result<f64> {
        let id = self.child.id().context("the process is gone")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes / 1024.0)
    }

    /// Kills it and waits until it is gone.
    ///
    /// # Errors
    ///
    /// It cannot be killed.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}
