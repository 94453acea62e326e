//! Cursors as clients see them: opaque, and valid for five minutes on the list, with the filters, that gave them.
//!
//! Inside is the position that the service behind the list named. Pages follow ids or times, so what is added while
//! someone reads on does not move what he has still to read.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::problem::ProblemKind;
use jiff::Timestamp;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use crate::auth::api_key::KeyHasher;
use crate::error::ApiError;
use crate::state::AppState;

const CURSOR_TTL: Duration = Duration::from_secs(5 * 60);

/// Parameters that do not change which objects a list has, or in which order.
const NO_FILTERS: [&str; 4] = ["cursor", "limit", "numbers", "page"];

const SECONDS_BYTES: usize = 8;
const SEAL_BYTES: usize = 16;

/// The cursors of one list.
pub struct Cursors {
    hasher: KeyHasher,
    list: String,
    filters: String,
    now: Timestamp,
}

impl Cursors {
    fn new(path: &str, query: &str, hasher: &KeyHasher, now: Timestamp) -> Self {
        let mut filters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| !NO_FILTERS.contains(&&**name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        filters.sort();
        Self {
            hasher: hasher.clone(),
            list: path.trim_end_matches('/').to_owned(),
            filters: form_urlencoded::Serializer::new(String::new())
                .extend_pairs(filters)
                .finish(),
            now,
        }
    }

    /// What a client gets for a position.
    pub fn seal(&self, position: Option<String>) -> Option<String> {
        let position = position?;
        let issued = self.now.as_second().to_be_bytes();
        let seal = self.seal_of(issued, position.as_bytes());
        Some(URL_SAFE_NO_PAD.encode([issued.as_slice(), &seal, position.as_bytes()].concat()))
    }

    /// The position behind a cursor.
    ///
    /// # Errors
    ///
    /// It was not given by this list with these filters, or more than five minutes ago.
    pub fn open(&self, cursor: Option<String>) -> Result<Option<String>, ApiError> {
        cursor
            .map(|cursor| {
                self.position_of(&cursor)
                    .ok_or_else(|| ApiError::new(ProblemKind::InvalidCursor))
            })
            .transpose()
    }

    fn position_of(&self, cursor: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (issued, rest) = bytes.split_first_chunk::<SECONDS_BYTES>()?;
        let (seal, position) = rest.split_first_chunk::<SEAL_BYTES>()?;
        // In constant time, or the seal could be guessed byte by byte.
        let is_ours = bool::from(seal.ct_eq(&self.seal_of(*issued, position)));
        let issued_at = Timestamp::from_second(i64::from_be_bytes(*issued)).ok()?;
        let is_valid = is_ours && self.now.duration_since(issued_at).unsigned_abs() <= CURSOR_TTL;
        is_valid.then(|| String::from_utf8(position.to_vec()).ok())?
    }

    fn seal_of(&self, issued: [u8; SECONDS_BYTES], position: &[u8]) -> [u8; SEAL_BYTES] {
        let parts: [&[u8]; 5] = [
            b"cursor",
            self.list.as_bytes(),
            self.filters.as_bytes(),
            &issued,
            position,
        ];
        let hash = self.hasher.hash_parts(&parts);
        let mut seal = [0; SEAL_BYTES];
        seal.copy_from_slice(&hash[..SEAL_BYTES]);
        seal
    }
}

impl FromRequest for Cursors {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<AppState>>();
        let cursors = state.map(|state| {
            let now = state.clock.now();
            Self::new(request.path(), request.query_string(), &state.hasher, now)
        });
        ready(cursors.ok_or_else(|| ApiError::internal("the application has no state")))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn hasher(pepper: &str) -> KeyHasher {
        KeyHasher::new(&pepper.to_owned().into()).unwrap()
    }

    #[test]
    fn cursor_is_valid_for_five_minutes_on_its_own_list() {
        let (ours, theirs) = (hasher("p"), hasher("q"));
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let given = Cursors::new("/api/v1/alerts/", "ticker=BTC&active=true&limit=5", &ours, now);
        let cursor = given.seal(Some("position".to_owned()));
        let later = |path: &str, query: &str, hasher: &KeyHasher, seconds: i64| {
            let at = now + SignedDuration::from_secs(seconds);
            let opened = Cursors::new(path, query, hasher, at).open(cursor.clone());
            opened.map(Option::unwrap).map_err(|error| error.kind)
        };
        let good = Ok("position".to_owned());
        let bad = Err(ProblemKind::InvalidCursor);
        let list = "/api/v1/alerts";
        assert_eq!(later(list, "active=true&ticker=BTC&cursor=x&limit=9", &ours, 300), good);
        assert_eq!(later(list, "active=true&ticker=BTC", &ours, 301), bad);
        assert_eq!(later(list, "active=false&ticker=BTC", &ours, 1), bad);
        assert_eq!(
            later("/api/v1/webhooks/endpoints", "active=true&ticker=BTC", &ours, 1),
            bad
        );
        assert_eq!(later(list, "active=true&ticker=BTC", &theirs, 1), bad);
    }

    #[test]
    fn foreign_text_is_no_cursor() {
        let hasher = hasher("p");
        let cursors = Cursors::new("/x", "", &hasher, Timestamp::UNIX_EPOCH);
        for text in [
            "",
            "x",
            "AAAA",
            "01933f4e-7a00-7000-8000-000000000001",
            &"A".repeat(100),
        ] {
            assert!(cursors.open(Some(text.to_owned())).is_err(), "{text:?}");
        }
        assert!(cursors.open(None).unwrap().is_none());
        assert!(cursors.seal(None).is_none());
    }
}
