//! The table `accounts.usage`: requests by user, day and route class.

use deadpool_postgres::GenericClient;
use jiff::civil::Date;
use tokio_postgres::Error;
use uuid::Uuid;

/// Requests of a user on one day to the routes of one rate-limit policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    pub day: Date,
    pub route_class: String,
    pub requests: i64,
}

/// What a user requested from one day to another, both included, newest first.
pub async fn list(db: &impl GenericClient, user_id: Uuid, from: Date, to: Date) -> Result<Vec<UsageRow>, Error> {
    let rows = db
        .query(
            "SELECT day, route_class, requests FROM accounts.usage \
             WHERE user_id = $1 AND day BETWEEN $2 AND $3 ORDER BY day DESC, route_class",
            &[&user_id, &from, &to],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(UsageRow {
                day: row.try_get("day")?,
                route_class: row.try_get("route_class")?,
                requests: row.try_get("requests")?,
            })
        })
        .collect()
}

/// Raises the numbers to these where they are lower: they only ever grow, so an older copy changes nothing. Users that
/// are gone or erased are passed over.
pub async fn raise(db: &impl GenericClient, rows: &[(Uuid, UsageRow)]) -> Result<(), Error> {
    let users: Vec<Uuid> = rows.iter().map(|(user, _)| *user).collect();
    let days: Vec<Date> = rows.iter().map(|(_, row)| row.day).collect();
    let classes: Vec<&str> = rows.iter().map(|(_, row)| row.route_class.as_str()).collect();
    let requests: Vec<i64> = rows.iter().map(|(_, row)| row.requests).collect();
    // In one order, so that two gateways do not wait for each other's rows.
    db.execute(
        "INSERT INTO accounts.usage AS known (user_id, day, route_class, requests) \
         SELECT new.user_id, new.day, new.route_class, new.requests \
         FROM unnest($1::uuid[], $2::date[], $3::text[], $4::bigint[]) AS new (user_id, day, route_class, requests) \
         JOIN accounts.users u ON u.id = new.user_id AND u.erased_at IS NULL \
         ORDER BY new.user_id, new.day, new.route_class \
         ON CONFLICT (user_id, day, route_class) DO UPDATE SET requests = excluded.requests \
         WHERE known.requests < excluded.requests",
        &[&users, &days, &classes, &requests],
    )
    .await?;
    Ok(())
}

/// Removes what was used before a day; gives the number of rows.
pub async fn purge(db: &impl GenericClient, before: Date) -> Result<u64, Error> {
    db.execute("DELETE FROM accounts.usage WHERE day < $1", &[&before])
        .await
}
