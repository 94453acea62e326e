//! Waiting for what has to happen, with a deadline that is far longer than anything takes.

use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(15);

/// Waits until `probe` finds something.
///
/// # Panics
///
/// It does not in a minute; the message says what was awaited.
pub async fn found<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let wait = async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait)
        .await
        .unwrap_or_else(|_| panic!("did not happen in {DEADLINE:?}: {what}"))
}

/// Waits until `check` holds.
///
/// # Panics
///
/// It does not in a minute; the message says what was awaited.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    found(what, || {
        let holds = check();
        async { holds.await.then_some(()) }
    })
    .await;
}
