//! Stream tickets: opaque, valid once and for a minute, for clients that cannot set headers (the browser's EventSource
//! and WebSocket). A ticket stands in an address and may end up in a log, so it opens nothing a second time.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::keys;
use contracts::problem::ProblemKind;
use jiff::{SignedDuration, Timestamp};
use platform::redis::Connection;
use rand::TryRng;
use rand::rngs::SysRng;
use redis::AsyncCommands;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::auth::api_key::{KeyHash, KeyHasher};
use crate::auth::identity_cache::IdentityCache;
use crate::auth::{Identity, Scope};
use crate::error::ApiError;

pub const TICKET_TTL_SECONDS: u32 = 60;

/// What a ticket stands for.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    credential: KeyHash,
    session_id: Option<Uuid>,
    scopes: Vec<Scope>,
    issued_at: Timestamp,
}

/// The tickets in Redis. Entries carry a MAC: write access to Redis is not enough to forge one.
pub struct StreamTickets {
    redis: Connection,
    hasher: KeyHasher,
}

impl StreamTickets {
    pub fn new(redis: Connection, hasher: KeyHasher) -> Self {
        Self { redis, hasher }
    }

    /// A ticket for what `identity` may do, confined to `scopes`.
    ///
    /// # Errors
    ///
    /// Redis does not answer.
    pub async fn issue(&self, identity: &Identity, scopes: &[Scope], now: Timestamp) -> Result<String, ApiError> {
        let mut random = [0u8; 32];
        SysRng
            .try_fill_bytes(&mut random)
            .context("random bytes from the system")
            .map_err(ApiError::internal)?;
        let ticket = URL_SAFE_NO_PAD.encode(random);
        let entry = Entry {
            credential: identity.cache_hash,
            session_id: identity.session_id,
            scopes: scopes.to_vec(),
            issued_at: now,
        };
        let text = serde_json::to_string(&entry).map_err(ApiError::internal)?;
        let name = self.name_of(&ticket);
        let sealed = format!("{}:{text}", hex::encode(self.mac(&name, &text)));
        let mut redis = self.redis.clone();
        redis
            .set_ex::<_, _, ()>(keys::stream_ticket(&name), sealed, TICKET_TTL_SECONDS.into())
            .await?;
        Ok(ticket)
    }

    /// The identity behind a ticket, which is used up by this.
    ///
    /// # Errors
    ///
    /// [`ProblemKind::TicketInvalid`], or a store does not answer.
    pub async fn redeem(
        &self,
        ticket: &str,
        identities: &IdentityCache,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Arc<Identity>, ApiError> {
        let invalid = || ApiError::new(ProblemKind::TicketInvalid);
        let name = self.name_of(ticket);
        let mut redis = self.redis.clone();
        let sealed: Option<String> = redis.get_del(keys::stream_ticket(&name)).await?;
        let entry = sealed
            .and_then(|sealed| self.open(&name, &sealed))
            .ok_or_else(invalid)?;
        if now.duration_since(entry.issued_at) >= SignedDuration::from_secs(TICKET_TTL_SECONDS.into()) {
            return Err(invalid());
        }
        let found = match entry.session_id {
            Some(session) => identities.find_session(session, address).await?,
            None => identities.find_hash(entry.credential, address).await?,
        };
        let identity = found.ok_or_else(invalid)?;
        let scopes = entry.scopes.into_iter().filter(|scope| identity.may(*scope)).collect();
        Ok(Arc::new(Identity {
            scopes: Some(scopes),
            ..(*identity).clone()
        }))
    }

    fn open(&self, name: &str, sealed: &str) -> Option<Entry> {
        let (mac, text) = sealed.split_once(':')?;
        let mac = hex::decode(mac).ok()?;
        bool::from(mac.ct_eq(&self.mac(name, text)))
            .then(|| serde_json::from_str(text).ok())
            .flatten()
    }

    /// The name under which Redis knows a ticket: reading Redis does not give the ticket.
    fn name_of(&self, ticket: &str) -> String {
        hex::encode(self.hasher.hash_parts(&[b"stream ticket name", ticket.as_bytes()]))
    }

    fn mac(&self, name: &str, text: &str) -> [u8; 32] {
        self.hasher
            .hash_parts(&[b"stream ticket", name.as_bytes(), text.as_bytes()])
    }
}
