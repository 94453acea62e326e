//! A RabbitMQ node of one test, with a name, ports, name service and data of its own.

use std::time::Duration;

use platform::amqp::Broker;
use platform::settings::RabbitSettings;

use crate::child::{Child, Folder, User, run};
use crate::ports;

/// Erlang is slow to start on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";

/// A RabbitMQ node on a free port; it ends with this value.
#[derive(Debug)]
pub struct OwnRabbit {
    pub settings: RabbitSettings,
    pub url: String,
    port: u16,
    distribution_port: u16,
    names_port: u16,
    node: Option<Child>,
    _names: Child,
    folder: Folder,
}

impl OwnRabbit {
    /// Starts a node.
    ///
    /// # Panics
    ///
    /// It does not start; the message shows its output.
    pub async fn start() -> Self {
        let (port, distribution_port, names_port) = (ports::free(), ports::free(), ports::free());
        let url = format!("amqp://guest:guest@127.0.0.1:{port}");
        let folder = Folder::new("rabbit").expect("a folder");
        let path = folder.path();
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\nlog.console.level = warning\ndisk_free_limit.absolute = 50MB\n"
        );
        for (name, text) in [
            ("rabbitmq.conf", config.as_str()),
            ("enabled_plugins", "[].\n"),
            ("env.conf", ""),
        ] {
            std::fs::write(path.join(name), text).expect("a file");
        }
        User::Servers.own(path).expect("a folder of the server");
        // In the foreground, so that it ends with us; Erlang would start one that stays.
        let mut command = User::Servers.command("epmd");
        command.args(["-port", &names_port.to_string(), "-address", "127.0.0.1"]);
        let names = Child::start("epmd", command, &path.join("epmd.log")).expect("epmd: run `make test`");
        let settings = RabbitSettings::from_url(&url);
        let mut own = Self {
            settings,
            url,
            port,
            distribution_port,
            names_port,
            node: None,
            _names: names,
            folder,
        };
        own.resume().await;
        own
    }

    /// Stops the node as an operator does.
    ///
    /// # Panics
    ///
    /// It does not stop.
    pub async fn stop(&mut self) {
        let mut node = self.node.take().expect("a running node");
        node.signal("TERM").expect("a signal");
        node.wait(DEADLINE).await.expect("RabbitMQ stops");
    }

    /// Runs out of disk, as the broker sees it, or has enough again.
    ///
    /// # Panics
    ///
    /// The node does not take the command.
    pub fn set_disk_alarm(&self, on: bool) {
        let limit = if on { "1000000GB" } else { "50MB" };
        let mut command = User::Servers.command(CONTROL);
        command
            .env("HOME", self.folder.path())
            .env("ERL_EPMD_PORT", self.names_port.to_string())
            .args(["--node", &self.name(), "set_disk_free_limit", limit]);
        run(&mut command).expect("rabbitmqctl");
    }

    fn name(&self) -> String {
        format!("testkit{}@localhost", self.port)
    }

    /// Starts the node again, with its data.
    ///
    /// # Panics
    ///
    /// It does not start; the message shows its output.
    pub async fn resume(&mut self) {
        let path = self.folder.path();
        let mut command = User::Servers.command(PROGRAM);
        command
            .env("HOME", path)
            .env("ERL_EPMD_PORT", self.names_port.to_string())
            .env("RABBITMQ_NODENAME", self.name())
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", path.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", path.join("log"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_CONFIG_FILE", path.join("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", path.join("env.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path.join("enabled_plugins"))
            .env("RABBITMQ_PID_FILE", path.join("pid"));
        let log = path.join("node.log");
        let mut node = Child::start("rabbitmq-server", command, &log).expect("rabbitmq-server: run `make test`");
        let broker = Broker::connect(&self.settings).expect("a valid address");
        node.until(DEADLINE, || async { broker.check("testkit").await.is_ok() })
            .await
            .expect("RabbitMQ");
        self.node = Some(node);
    }
}
