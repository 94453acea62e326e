//! The id that follows one request through every process.
//!
//! A client may bring its own; otherwise one is made, in order of time. It is in every log line
//! of the tasks that work for the request, and rides in internal requests, stream entries and messages.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

const MAX_CHARS: usize = 64;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// An id of one request: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Makes a new id that sorts by time.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7().to_string().into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the request this task works for, if any.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs a future as part of the request with this id.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

/// The text is not a request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a request id has 1 to 64 characters of A-Z a-z 0-9 . _ -")]
pub struct InvalidRequestId;

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, InvalidRequestId> {
        let fits = (1..=MAX_CHARS).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(InvalidRequestId)
        }
    }
}

impl TryFrom<String> for RequestId {
    type Error = InvalidRequestId;

    fn try_from(text: String) -> Result<Self, InvalidRequestId> {
        text.parse()
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an internal request takes along from the request it serves.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Id of the request that caused this one.
    pub request_id: RequestId,
    /// The user it is made for, if it is made for one; sent as `X-User-Id`.
    pub user_id: Option<Uuid>,
}

impl RequestContext {
    /// The context of the request this task works for, or a new one.
    #[must_use]
    pub fn current() -> Self {
        Self {
            request_id: RequestId::current().unwrap_or_else(RequestId::generate),
            user_id: None,
        }
    }

    /// The same on behalf of a user.
    #[must_use]
    pub fn for_user(mut self, user_id: Uuid) -> Self {
        self.user_id = Some(user_id);
        self
    }
}

impl From<RequestId> for RequestContext {
    fn from(request_id: RequestId) -> Self {
        Self {
            request_id,
            user_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a", true)]
    #[case("01JH-abc_DEF.9", true)]
    #[case(&"x".repeat(64), true)]
    #[case(&"x".repeat(65), false)]
    #[case("", false)]
    #[case("a b", false)]
    #[case("a\nb", false)]
    #[case("é", false)]
    fn only_short_plain_ids_are_accepted(#[case] text: &str, #[case] fits: bool) {
        assert_eq!(text.parse::<RequestId>().is_ok(), fits);
    }

    #[test]
    fn made_ids_are_accepted_and_differ() {
        let (a, b) = (RequestId::generate(), RequestId::generate());
        assert_ne!(a, b);
        assert_eq!(a.as_str().parse::<RequestId>().unwrap(), a);
    }

    #[tokio::test]
    async fn work_knows_the_request_it_serves() {
        assert_eq!(RequestId::current(), None);
        let id: RequestId = "r-1".parse().unwrap();
        let seen = id.scope(async { RequestContext::current().request_id }).await;
        assert_eq!(seen.as_str(), "r-1");
    }
}
