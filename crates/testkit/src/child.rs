//! A child process that never outlives its test, with its output in a file.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Lines of its output that are shown when the test fails.
const SHOWN_LINES: usize = 40;
const POLL: Duration = Duration::from_millis(20);

/// The user a server runs as, when the tests run as root and the server refuses to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// The user that runs the tests.
    Same,
    /// The user `postgres`, when the tests run as root.
    Servers,
}

impl User {
    const NAME: &str = "postgres";

    pub(crate) fn is_other(self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        self == Self::Servers && is_root
    }

    /// Makes the user the owner of a folder.
    pub(crate) fn own(self, folder: &Path) -> anyhow::Result<()> {
        if self.is_other() {
            run(Command::new("chown")
                .arg("-R")
                .arg(format!("{}:", Self::NAME))
                .arg(folder))?;
        }
        Ok(())
    }

    /// A command of this user that dies with us, even if we are killed.
    pub(crate) fn command(self, program: impl AsRef<OsStr>) -> Command {
        self.prepare(Command::new("setpriv"), program)
    }

    /// As [`User::command`], with a disk of `size` at `folder` that only this command sees.
    pub(crate) fn command_on_small_disk(self, program: impl AsRef<OsStr>, folder: &Path, size: &str) -> Command {
        let mut outer = Command::new("unshare");
        if !self.is_other() {
            outer.arg("--map-current-user");
        }
        let mount =
            r#"mount -t tmpfs -o "size=$1,mode=700,uid=$(stat -c %u "$2")" none "$2"; shift 2; exec setpriv "$@""#;
        outer
            .args(["--mount", "--", "sh", "-ec", mount, "sh", size])
            .arg(folder);
        self.prepare(outer, program)
    }

    fn prepare(self, mut command: Command, program: impl AsRef<OsStr>) -> Command {
        if self.is_other() {
            command.args(["--reuid", Self::NAME, "--regid", Self::NAME, "--init-groups"]);
        }
        command.args(["--pdeathsig", "TERM", "--"]).arg(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/");
        command
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// A running process; it is killed with this value.
#[derive(Debug)]
pub(crate) struct Child {
    name: String,
    process: Process,
    log: PathBuf,
}

impl Child {
    /// Starts a command in a process group of its own, its output appended to `log`.
    pub(crate) fn start(name: &str, mut command: Command, log: &Path) -> anyhow::Result<Self> {
        use std::os::unix::process::CommandExt;
        let output = File::options().create(true).append(true).open(log)?;
        let process = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            process,
            log: log.to_owned(),
        })
    }

    /// Sends a signal, such as `TERM`, to the process and all it started.
    pub(crate) fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let group = format!("-{}", self.process.id());
        run(Command::new("kill").args(["-s", signal, "--", &group]))
    }

    /// Ends the process at once, as `kill -9` does, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        if self.exited().is_none() {
            drop(self.signal("KILL"));
            drop(self.process.wait());
        }
    }

    /// Its exit status, if it has ended.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Waits until it ended by itself.
    pub(crate) async fn wait(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.exited() {
                return Ok(status);
            }
            if started.elapsed() > deadline {
                bail!("{} did not end within {deadline:?}", self.name);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until `ready` says so; an early end is an error that shows the output.
    pub(crate) async fn until<F>(&mut self, deadline: Duration, mut ready: impl FnMut() -> F) -> anyhow::Result<()>
    where
        F: Future<Output = bool>,
    {
        let started = Instant::now();
        while !ready().await {
            if let Some(status) = self.exited() {
                bail!("{} ended with {status}:\n{}", self.name, self.output());
            }
            if started.elapsed() > deadline {
                bail!("{} was not ready within {deadline:?}:\n{}", self.name, self.output());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// The end of its output.
    pub(crate) fn output(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- end of the output of {}\n{}", self.name, self.output());
        }
    }
}

/// A folder that is removed with this value.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(what: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("testkit-{what}-{}", uuid::Uuid::now_v7().simple()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
