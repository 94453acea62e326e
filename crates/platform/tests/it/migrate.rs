use platform::migrate;
use platform::postgres::require_schema;
use platform::settings::PostgresSettings;
use refinery::{Migration, Runner};
use secrecy::ExposeSecret as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::config::Host;

fn runner(files: &[(&str, &str)]) -> Runner {
    let files: Vec<_> = files
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql).unwrap())
        .collect();
    Runner::new(&files)
}

const FIRST: (&str, &str) = (
    "V0001__first",
    "CREATE TABLE first (id int); INSERT INTO first VALUES (1);",
);
const SECOND: (&str, &str) = ("V0002__second", "ALTER TABLE first ADD name text;");

#[tokio::test]
async fn two_at_once_apply_each_once() {
    let database = testkit::database::empty_database().await;
    let settings = &database.settings;
    let run = || async { migrate::run_with(settings, &runner(&[FIRST, SECOND])).await.unwrap() };
    let (a, b, c) = tokio::join!(run(), run(), run());
    let mut applied: Vec<_> = [a.applied, b.applied, c.applied].concat();
    applied.sort();
    assert_eq!(applied.len(), 2, "{applied:?}");
    assert!(applied[0].contains("first") && applied[1].contains("second"));
    let client = database.pool.get().await.unwrap();
    let row = client.query_one("SELECT count(*) FROM first", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_failed_step_leaves_no_trace_and_can_be_mended() {
    let database = testkit::database::empty_database().await;
    let broken = ("V0002__second", "ALTER TABLE first ADD name text; SELECT 1/0;");
    let error = migrate::run_with(&database.settings, &runner(&[FIRST, broken]))
        .await
        .unwrap_err();
    assert!(format!("{error:#}").contains("migration failed"), "{error:#}");
    let migrated = migrate::run_with(&database.settings, &runner(&[FIRST, SECOND]))
        .await
        .unwrap();
    assert_eq!(migrated.applied.len(), 1);
}

#[tokio::test]
async fn an_older_release_leaves_a_newer_schema_as_it_is() {
    let database = testkit::database::empty_database().await;
    let settings = &database.settings;
    migrate::run_with(settings, &runner(&[FIRST, SECOND])).await.unwrap();
    let migrated = migrate::run_with(settings, &runner(&[FIRST])).await.unwrap();
    assert_eq!(migrated.newer_version, Some(2));
    assert!(migrated.applied.is_empty());
    let migrated = migrate::run_with(settings, &runner(&[FIRST, SECOND])).await.unwrap();
    assert_eq!((migrated.newer_version, migrated.applied.len()), (None, 0));
}

#[tokio::test]
async fn a_newer_schema_that_went_another_way_is_refused() {
    let database = testkit::database::empty_database().await;
    let settings = &database.settings;
    let third = ("V0003__third", "ALTER TABLE first ADD more text;");
    migrate::run_with(settings, &runner(&[FIRST, third])).await.unwrap();
    let edited = ("V0001__first", "CREATE TABLE first (id bigint);");
    for own in [[FIRST, SECOND].as_slice(), &[edited], &[SECOND]] {
        let error = migrate::run_with(settings, &runner(own)).await.unwrap_err();
        assert!(error.to_string().contains("did not come there"), "{own:?}: {error:#}");
    }
}

#[tokio::test]
async fn an_older_schema_is_refused_with_the_command_to_run() {
    let database = testkit::database::empty_database().await;
    let error = require_schema(&database.pool, 1).await.unwrap_err().to_string();
    assert!(error.contains("version 0") && error.contains("make migrate"), "{error}");
    migrate::run_with(&database.settings, &runner(&[FIRST])).await.unwrap();
    require_schema(&database.pool, 1).await.unwrap();
    let error = require_schema(&database.pool, 2).await.unwrap_err().to_string();
    assert!(error.contains("needs 2"), "{error}");
}

#[tokio::test]
async fn a_server_that_answers_late_is_waited_for() {
    let database = testkit::database::empty_database().await;
    let address = database.settings.address().unwrap().parameters;
    let server = (address.get_hosts()[0].clone(), address.get_ports()[0]);
    let Host::Tcp(host) = server.0 else {
        panic!("not a TCP address")
    };
    // Before the server something that hangs up once, as a server that is starting.
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = front.local_addr().unwrap().port();
    tokio::spawn(async move {
        drop(front.accept().await.unwrap());
        let (mut client, _) = front.accept().await.unwrap();
        let mut behind = TcpStream::connect((host.as_str(), server.1)).await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut behind).await
    });
    let url = database.settings.database_url.expose_secret();
    let behind_it = url.replace(&format!(":{}/", server.1), &format!(":{port}/"));
    assert_ne!(url, behind_it);
    let settings = PostgresSettings::from_url(&behind_it);
    let migrated = migrate::run_with(&settings, &runner(&[FIRST])).await.unwrap();
    assert_eq!(migrated.applied.len(), 1);
}

#[tokio::test]
async fn the_embedded_migrations_apply_to_an_empty_database() {
    let database = testkit::database::empty_database().await;
    migrate::run(&database.settings).await.unwrap();
    assert!(migrate::run(&database.settings).await.unwrap().applied.is_empty());
}
