//! Signals become one cancellation token that everything listens to.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first `SIGTERM` or `SIGINT`.
///
/// The second signal ends the process at once: its sender does not want to wait.
///
/// # Panics
///
/// Outside a Tokio runtime, or when the system refuses the signal handler; both at start.
#[must_use]
pub fn on_shutdown() -> CancellationToken {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a handler for SIGINT");
    let stop = token.clone();
    tokio::spawn(async move {
        for round in 0.. {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if round > 0 {
                tracing::warn!(signal = name, "second signal, stopping at once");
                std::process::exit(130);
            }
            tracing::info!(signal = name, "stopping");
            stop.cancel();
        }
    });
    token
}
