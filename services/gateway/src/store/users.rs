//! Users: registering and finding them.

use jiff::Timestamp;
use secrecy::SecretString;
use tokio_postgres::GenericClient;
use uuid::Uuid;

use crate::auth::api_key::{self, KeyHasher};
use crate::auth::{Role, Tier};

/// Longest address that SMTP can carry.
pub const EMAIL_MAX_CHARS: usize = 254;

/// An e-mail address: trimmed, with its domain in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an address; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let fits = text.len() <= EMAIL_MAX_CHARS && is_local_part(local) && is_domain(domain);
        fits.then(|| Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `dot-atom` of RFC 5322, at most 64 characters.
fn is_local_part(text: &str) -> bool {
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    text.len() <= 64 && text.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
}

/// At least two labels of letters, digits and inner hyphens.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

/// A new user.
#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    /// The id.
    pub id: Uuid,
    /// The address.
    pub email: &'a Email,
    /// The role.
    pub role: Role,
    /// The tier.
    pub tier: Tier,
    /// Hash of the password, if there is one.
    pub password_hash: Option<&'a str>,
}

/// Creates a user. False if the address has an account already, in whatever case.
///
/// # Errors
///
/// PostgreSQL refuses.
pub async fn create(
    db: &impl GenericClient,
    user: &NewUser<'_>,
    now: Timestamp,
) -> Result<bool, tokio_postgres::Error> {
    let inserted = db
        .execute(
            "INSERT INTO accounts.users (id, email, role, tier, password_hash, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT DO NOTHING",
            &[
                &user.id,
                &user.email.as_str(),
                &user.role.as_str(),
                &user.tier.as_str(),
                &user.password_hash,
                &now,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Whether there is a user of this id with this address.
///
/// # Errors
///
/// PostgreSQL refuses.
pub async fn exists(db: &impl GenericClient, id: Uuid, email: &Email) -> Result<bool, tokio_postgres::Error> {
    let row = db
        .query_one(
            "SELECT EXISTS (SELECT FROM accounts.users WHERE id = $1 AND lower(email) = lower($2))",
            &[&id, &email.as_str()],
        )
        .await?;
    row.try_get(0)
}

/// Makes sure that the account exists, is active and has `key`. Doing it twice changes nothing.
///
/// # Errors
///
/// PostgreSQL refuses.
pub async fn ensure_with_key(
    db: &mut deadpool_postgres::Client,
    hasher: &KeyHasher,
    user: &NewUser<'_>,
    key: &SecretString,
    now: Timestamp,
) -> Result<Uuid, tokio_postgres::Error> {
    use secrecy::ExposeSecret;

    let transaction = db.transaction().await?;
    let client: &tokio_postgres::Transaction<'_> = &transaction;
    create(client, user, now).await?;
    let id: Uuid = client
        .query_one(
            "UPDATE accounts.users SET is_active = true, role = $2, updated_at = $3 WHERE lower(email) = lower($1) RETURNING id",
            &[&user.email.as_str(), &user.role.as_str(), &now],
        )
        .await?
        .try_get(0)?;
    let hash = hasher.hash(key.expose_secret());
    let known = client
        .execute(
            "UPDATE accounts.api_keys SET user_id = $2, revoked_at = NULL WHERE key_hash = $1",
            &[&hash.as_slice(), &id],
        )
        .await?;
    if known == 0 {
        api_key::insert(client, hasher, id, "default", key, now).await?;
    }
    transaction.commit().await?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("user@example.com", "user@example.com")]
    #[case("  User.Name+tag@EXAMPLE.Com ", "User.Name+tag@example.com")]
    #[case("!#$%@a.bc", "!#$%@a.bc")]
    fn addresses_are_trimmed_and_their_domain_lower_cased(#[case] text: &str, #[case] email: &str) {
        assert_eq!(Email::parse(text).unwrap().as_str(), email);
    }

    #[rstest]
    #[case("")]
    #[case("user")]
    #[case("@example.com")]
    #[case("user@")]
    #[case("user@localhost")]
    #[case("us er@example.com")]
    #[case("user@-a.com")]
    #[case("user@a..com")]
    #[case(".user@example.com")]
    #[case("a@b@example.com")]
    fn what_is_no_address_is_refused(#[case] text: &str) {
        assert_eq!(Email::parse(text), None);
    }

    #[test]
    fn addresses_are_bounded() {
        let long = format!("{}@{}.com", "a".repeat(64), "b".repeat(63));
        assert!(Email::parse(&long).is_some());
        assert_eq!(Email::parse(&format!("{}@example.com", "a".repeat(65))), None);
        let too_long = format!("a@{}com", format!("{}.", "b".repeat(49)).repeat(5));
        assert!(too_long.len() > EMAIL_MAX_CHARS);
        assert_eq!(Email::parse(&too_long), None);
    }
}
