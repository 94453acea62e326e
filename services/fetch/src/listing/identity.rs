//! What a token is called: by a provider, and by us.

/// What a provider calls a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's own id.
    pub provider_id: String,
    pub slug: String,
    /// Upper case.
    pub symbol: String,
    pub name: String,
}

/// A token as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub token_id: i64,
    /// What it is called if the provider's own names do not count: CoinMarketCap's, also while it does not answer, so
    /// that no name changes with the provider that happens to list.
    pub names: Option<Names>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub slug: String,
    pub symbol: String,
    pub name: String,
}
