//! The table `accounts.idempotency_keys`.
//!
//! A row is the lock of one request: while it has no status, the run that claimed it holds it until `running_until`.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use tokio_postgres::Error;
use uuid::Uuid;

/// The primary key: who sent the request, and the key the sender chose.
#[derive(Debug, Clone)]
pub struct RowKey {
    /// A user or, without a credential, a client's network.
    pub subject: String,
    pub key: String,
}

/// What a run writes when it claims a row.
#[derive(Debug)]
pub struct NewClaim<'a> {
    /// Hash of what was asked for.
    pub request_hash: &'a [u8],
    /// The time of the claim.
    pub now: Timestamp,
    /// When another run may take over.
    pub running_until: Timestamp,
    /// When the answer is no longer kept.
    pub expires_at: Timestamp,
    /// Id of what the run makes, unless an earlier run has left one.
    pub creation_id: Uuid,
}

/// A row that was claimed.
#[derive(Debug)]
pub struct Claim {
    /// The end of the claim. It is exact to the microsecond and so names this claim among later ones.
    pub running_until: Timestamp,
    /// Id of what the run makes: the same in every run of one request.
    pub creation_id: Uuid,
}

/// What is known about the first request with a key.
#[derive(Debug)]
pub struct StoredAnswer {
    /// Hash of what was asked for.
    pub request_hash: Vec<u8>,
    /// The status, once the request has been answered.
    pub status: Option<i16>,
    /// The body; `None` if it held a secret.
    pub body: Option<Vec<u8>>,
    /// The kept headers as a JSON object.
    pub headers: String,
    /// Whether the body is a problem that is rendered anew.
    pub is_problem: bool,
}

/// What a run leaves for repeats.
#[derive(Debug)]
pub struct NewAnswer<'a> {
    pub status: i16,
    /// The body; `None` if it held a secret.
    pub body: Option<&'a [u8]>,
    /// The kept headers as a JSON object.
    pub headers: &'a str,
    /// Whether the body is a problem that is rendered anew.
    pub is_problem: bool,
}

/// Whether the subject may have one more row: it has this row already, or fewer than `limit`.
pub async fn has_room(db: &impl GenericClient, row: &RowKey, limit: i64) -> Result<bool, Error> {
    let statement = db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM accounts.idempotency_keys WHERE subject = $1 AND key = $2) \
             OR (SELECT count(*) FROM (SELECT 1 FROM accounts.idempotency_keys WHERE subject = $1 LIMIT $3) AS k) < $3 \
             AS has_room",
        )
        .await?;
    let found = db.query_one(&statement, &[&row.subject, &row.key, &limit]).await?;
    found.try_get("has_room")
}

/// Claims a row. `None` if another request holds it or has been answered.
///
/// A row that has expired begins anew. One whose run died can be taken over by the same request after `running_until`,
/// and keeps its creation id, so that the new run finds what the dead one made.
pub async fn claim(db: &impl GenericClient, row: &RowKey, new: &NewClaim<'_>) -> Result<Option<Claim>, Error> {
    let statement = db
        .prepare_cached(
            "INSERT INTO accounts.idempotency_keys AS k \
             (subject, key, request_hash, running_until, expires_at, creation_id) VALUES ($1, $2, $3, $4, $5, $7) \
             ON CONFLICT (subject, key) DO UPDATE SET request_hash = excluded.request_hash, status = NULL, \
             response_body = NULL, response_headers = '{}', is_problem = false, \
             running_until = excluded.running_until, expires_at = excluded.expires_at, \
             creation_id = CASE WHEN k.expires_at > $6 THEN coalesce(k.creation_id, $7) ELSE $7 END \
             WHERE k.expires_at <= $6 \
             OR (k.status IS NULL AND k.running_until <= $6 AND k.request_hash = excluded.request_hash) \
             RETURNING running_until, creation_id",
        )
        .await?;
    let claimed = db
        .query_opt(
            &statement,
            &[
                &row.subject,
                &row.key,
                &new.request_hash,
                &new.running_until,
                &new.expires_at,
                &new.now,
                &new.creation_id,
            ],
        )
        .await?;
    claimed
        .map(|row| {
            Ok(Claim {
                running_until: row.try_get("running_until")?,
                creation_id: row.try_get("creation_id")?,
            })
        })
        .transpose()
}

/// What is known about the first request with a key; `None` if the row has just expired.
pub async fn find(db: &impl GenericClient, row: &RowKey) -> Result<Option<StoredAnswer>, Error> {
    let found = db
        .query_opt(
            "SELECT request_hash, status, response_body, response_headers::text AS response_headers, is_problem \
             FROM accounts.idempotency_keys WHERE subject = $1 AND key = $2",
            &[&row.subject, &row.key],
        )
        .await?;
    found
        .map(|row| {
            Ok(StoredAnswer {
                request_hash: row.try_get("request_hash")?,
                status: row.try_get("status")?,
                body: row.try_get("response_body")?,
                headers: row.try_get("response_headers")?,
                is_problem: row.try_get("is_problem")?,
            })
        })
        .transpose()
}

/// Ends a claim without an answer, so that the next request may run at once. The row stays, because whatever was made
/// has its creation id. Nothing happens if another run has taken over.
pub async fn release(
    db: &impl GenericClient,
    row: &RowKey,
    running_until: Timestamp,
    now: Timestamp,
) -> Result<(), Error> {
    db.execute(
        "UPDATE accounts.idempotency_keys SET running_until = $4 \
         WHERE subject = $1 AND key = $2 AND running_until = $3 AND status IS NULL",
        &[&row.subject, &row.key, &running_until, &now],
    )
    .await?;
    Ok(())
}

/// Stores the answer of a run for repeats. Nothing happens if another run has taken over.
pub async fn complete(
    db: &impl GenericClient,
    row: &RowKey,
    running_until: Timestamp,
    answer: &NewAnswer<'_>,
) -> Result<(), Error> {
    db.execute(
        "UPDATE accounts.idempotency_keys SET status = $4, response_body = $5, \
         response_headers = $6::text::jsonb, is_problem = $7 \
         WHERE subject = $1 AND key = $2 AND running_until = $3 AND status IS NULL",
        &[
            &row.subject,
            &row.key,
            &running_until,
            &answer.status,
            &answer.body,
            &answer.headers,
            &answer.is_problem,
        ],
    )
    .await?;
    Ok(())
}

/// Removes expired rows; gives their number.
pub async fn purge(db: &impl GenericClient, now: Timestamp) -> Result<u64, Error> {
    db.execute("DELETE FROM accounts.idempotency_keys WHERE expires_at <= $1", &[&now])
        .await
}
