//! Looks for a text in every row of a database.

use deadpool_postgres::Pool;

/// Every row of every table that holds `text` in any case, as `table row`.
///
/// # Panics
///
/// PostgreSQL does not answer.
pub async fn rows_containing(pool: &Pool, text: &str) -> Vec<String> {
    let client = pool.get().await.expect("a connection");
    let tables = client
        .query(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables \
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
            &[],
        )
        .await
        .expect("the tables");
    let mut found = Vec::new();
    for table in tables {
        let name: String = table.get("name");
        let sql = format!("SELECT t::text AS row FROM {name} AS t WHERE strpos(lower(t::text), lower($1)) > 0");
        let rows = client.query(&sql, &[&text]).await.expect("the rows");
        found.extend(rows.iter().map(|row| format!("{name} {}", row.get::<_, String>("row"))));
    }
    found
}
