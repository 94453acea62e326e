//! Names in RabbitMQ.

/// Durable quorum queue of [`crate::messages::DeliveryMessage`], written and read by `alerts` only.
pub const WEBHOOKS: &str = "webhooks_queue";
