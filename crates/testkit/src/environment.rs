//! Where the servers are: the environment that `make test` sets.

/// Name of the variable with the PostgreSQL address (a database that always exists).
pub const DATABASE: &str = "TEST_DATABASE_URL";
/// Name of the variable with the Redis address.
pub const REDIS: &str = "TEST_REDIS_URL";
/// Name of the variable with the RabbitMQ address.
pub const RABBIT: &str = "TEST_RABBITMQ_URL";
/// Name of the variable with the address of RabbitMQ's management interface.
pub const RABBIT_API: &str = "TEST_RABBITMQ_API";

/// The value of one of the variables above.
///
/// # Panics
///
/// It is not set: no test is skipped in silence.
#[must_use]
pub fn address(variable: &str) -> String {
    platform::settings::environment()
        .remove(variable)
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| panic!("{variable} is not set: run `make test`"))
}
