//! Finds out whether a request used a connection that was kept from an earlier one.
//!
//! The HTTP client does not say so with its errors, but it opens connections within the future of the request that
//! needs one. A request that opened one and got another's that became free meanwhile counts as one that opened: rare,
//! and harmless.

use std::cell::Cell;

use reqwest::ClientBuilder;
use tower::util::MapRequestLayer;

tokio::task_local! {
    static OPENED: Cell<bool>;
}

/// A client whose requests can be watched.
pub fn watched(builder: ClientBuilder) -> ClientBuilder {
    builder.connector_layer(MapRequestLayer::new(note_opened))
}

/// Runs a request and says whether it used a kept connection.
pub async fn watch<T>(request: impl Future<Output = T>) -> (T, bool) {
    let watched = async {
        let done = request.await;
        (done, !OPENED.with(Cell::get))
    };
    OPENED.scope(Cell::new(false), watched).await
}

fn note_opened<T>(target: T) -> T {
    // A connection that is opened for later belongs to no request.
    let _ = OPENED.try_with(|opened| opened.set(true));
    target
}
