-- The tokens of the providers' listings, and what asking for them costs.

-- Numbers of tokens that the provider of ids does not list (contracts::listing::FIRST_OWN_TOKEN_ID).
CREATE SEQUENCE market.own_token_ids AS bigint MINVALUE 1000000000 START 1000000000;

CREATE TABLE market.tokens (
    token_id bigint PRIMARY KEY CHECK (token_id > 0),
    -- The providers' own ids. A token may be listed by one of them only.
    coinmarketcap bigint UNIQUE CHECK (coinmarketcap > 0),
    coingecko text UNIQUE CHECK (coingecko <> ''),
    slug text NOT NULL CHECK (slug <> ''),
    -- Upper case; not unique: many tokens share one.
    symbol text NOT NULL CHECK (symbol <> ''),
    name text NOT NULL CHECK (name <> ''),
    -- How the ids of the providers came together: listing (its first provider's own), assets_file, slug, name.
    matched_by text NOT NULL CHECK (matched_by IN ('listing', 'assets_file', 'slug', 'name')),
    first_seen_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CHECK (coinmarketcap IS NOT NULL OR coingecko IS NOT NULL)
);

COMMENT ON TABLE market.tokens IS
    'Every token that a listing ever had. Its id never changes: a token keeps our number also when CoinMarketCap lists it later.';

CREATE INDEX tokens_by_symbol ON market.tokens (symbol);

CREATE TABLE market.provider_credits (
    provider text NOT NULL CHECK (provider <> ''),
    -- Of UTC, as the providers count.
    day date NOT NULL,
    credits bigint NOT NULL CHECK (credits >= 0),
    -- When a listing was last asked for.
    listed_at timestamptz,
    -- When one last came. Earlier than listed_at: whoever asked failed, or died before the answer.
    arrived_at timestamptz,
    PRIMARY KEY (provider, day)
);

COMMENT ON TABLE market.provider_credits IS
    'Credits that requests to a provider cost, of all processes together. The listing is asked for as often as the plan allows.';
