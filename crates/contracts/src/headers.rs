//! Header names that more than one service knows.

/// Id of a request, from the client or made by the first service it meets.
pub const REQUEST_ID: &str = "x-request-id";

/// The shared credential between services.
pub const INTERNAL_TOKEN: &str = "x-internal-token";

/// The user on whose behalf the gateway asks, as UUID.
pub const USER_ID: &str = "x-user-id";

/// Set by the market simulator on each answer: `synthetic` or `replay`.
pub const SIMULATED_MARKET: &str = "x-simulated-market";
