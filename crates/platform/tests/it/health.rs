//! Servers that answer and are of no use: each check has to see it, and to see when it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use platform::amqp::Broker;
use platform::health::{Readiness, Report, Status};
use platform::settings::RedisSettings;
use platform::{postgres, redis};
use testkit::{OwnPostgres, OwnRabbit, OwnRedis, eventually};
use tokio::net::{TcpListener, TcpStream};

const QUEUE: &str = "work";

/// A fresh report: readiness keeps one for a second.
async fn report(readiness: Readiness) -> Report {
    readiness.report().await
}

#[tokio::test]
async fn a_postgresql_that_is_read_only_is_down_until_it_takes_writes() {
    let database = testkit::database().await;
    let check = || async { report(Readiness::new().postgres(&database.pool)).await.is_ready() };
    assert!(check().await);
    database.set_read_only(true).await;
    eventually("a write is refused", || async { !check().await }).await;
    eventually("connections are new", || async {
        postgres::ping(&database.pool).await.is_ok()
    })
    .await;
    let error = postgres::check(&database.pool).await.unwrap_err();
    let refused: tokio_postgres::Error = error.downcast().unwrap();
    assert_eq!(refused.code().unwrap().code(), "25006");
    assert!(postgres::is_outage(&refused));
    database.set_read_only(false).await;
    eventually("writes are taken", check).await;
}

#[tokio::test]
async fn a_postgresql_with_a_full_disk_is_down_until_there_is_room() {
    let own = OwnPostgres::start_on_small_disk("250M").await;
    let check = || async { report(Readiness::new().postgres(&own.pool)).await.is_ready() };
    assert!(check().await);
    let client = own.pool.get().await.unwrap();
    client
        .batch_execute(
            "CREATE UNLOGGED TABLE filler (text text); ALTER TABLE filler ALTER COLUMN text SET STORAGE PLAIN",
        )
        .await
        .unwrap();
    // An insert that fails keeps the room it took, so the disk is full in the end.
    for _ in 0..2 {
        let fill = "INSERT INTO filler SELECT repeat('x', 6000) FROM generate_series(1, 100000)";
        let error = client.batch_execute(fill).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "53100", "{error:?}");
        assert!(postgres::is_outage(&error));
    }
    eventually("the full disk is noticed", || async { !check().await }).await;
    client.batch_execute("DROP TABLE filler").await.unwrap();
    eventually("the room is noticed", check).await;
}

#[tokio::test]
async fn a_redis_that_refuses_writes_is_down_until_it_takes_them() {
    let own = OwnRedis::start().await;
    let connection = redis::connect(&own.settings).unwrap();
    let command = async |words: &[&str]| {
        let mut command = ::redis::cmd(words[0]);
        command.arg(&words[1..]);
        let () = command.query_async(&mut connection.clone()).await.unwrap();
    };
    let check = || async { report(Readiness::new().redis(&connection)).await };
    let nobody = testkit::ports::free().to_string();
    for (break_it, mend_it) in [
        (vec!["REPLICAOF", "127.0.0.1", &nobody], vec!["REPLICAOF", "NO", "ONE"]),
        (
            vec!["CONFIG", "SET", "maxmemory", "1"],
            vec!["CONFIG", "SET", "maxmemory", "0"],
        ),
    ] {
        assert!(check().await.is_ready());
        command(&break_it).await;
        let found = check().await;
        assert_eq!(found.dependencies["redis"], Status::Down, "{break_it:?}");
        command(&mend_it).await;
        assert!(check().await.is_ready(), "{mend_it:?}");
    }
    command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let found = check().await;
    assert!(found.is_ready());
    let warning = found.checks["redis"].warning.as_deref().unwrap();
    assert!(
        warning.contains("allkeys-lru") && warning.contains("noeviction"),
        "{warning}"
    );
}

/// An address that leads to one port or another, as a name or a proxy does over a failover. Open connections stay.
async fn switchable(first: u16) -> (u16, Arc<AtomicU16>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = Arc::new(AtomicU16::new(first));
    let leads_to = Arc::clone(&target);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let to = leads_to.load(Ordering::SeqCst);
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", to)).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    (port, target)
}

#[rstest::rstest]
#[case::shared(redis::connect)]
#[case::pool(redis::connect_pool)]
#[tokio::test]
async fn a_demoted_redis_is_left_for_the_new_primary(
    #[case] connect: fn(&RedisSettings) -> anyhow::Result<redis::Connection>,
) {
    let (old, new) = tokio::join!(OwnRedis::start(), OwnRedis::start());
    let port = |own: &OwnRedis| url::Url::parse(&own.url).unwrap().port().unwrap();
    let (address, target) = switchable(port(&old)).await;
    let mut settings = old.settings.clone();
    settings.redis_url = format!("redis://127.0.0.1:{address}/0").into();
    let connection = connect(&settings).unwrap();
    redis::check(&connection).await.unwrap();
    target.store(port(&new), Ordering::SeqCst);
    let direct = redis::connect(&old.settings).unwrap();
    let mut demote = ::redis::cmd("REPLICAOF");
    demote.arg("127.0.0.1").arg(port(&new));
    let () = demote.query_async(&mut direct.clone()).await.unwrap();
    eventually("writes reach the new primary", || async {
        let mut pipe = ::redis::pipe();
        pipe.set("key", 1);
        let written: ::redis::RedisResult<()> = pipe.query_async(&mut connection.clone()).await;
        written.is_ok()
    })
    .await;
    let direct = redis::connect(&new.settings).unwrap();
    let found: Option<i32> = ::redis::cmd("GET")
        .arg("key")
        .query_async(&mut direct.clone())
        .await
        .unwrap();
    assert_eq!(found, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_under_an_alarm_is_down_until_it_is_over() {
    let own = OwnRabbit::start().await;
    let broker = Broker::connect(&own.settings).unwrap();
    let mut consumer = broker.consume(QUEUE, 1);
    let check = || async { report(Readiness::new().rabbitmq(&broker, QUEUE)).await.is_ready() };
    assert!(check().await);
    own.set_disk_alarm(true);
    eventually("the alarm is noticed", || async { !check().await }).await;
    // Consumers have a connection of their own, which an alarm does not touch.
    tokio::time::timeout(Duration::from_millis(500), consumer.next())
        .await
        .unwrap_err();
    consumer.state().check().unwrap();
    own.set_disk_alarm(false);
    eventually("the end of the alarm is noticed", check).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_with_other_arguments_is_noticed_by_publishers_and_consumers() {
    let rabbit = testkit::rabbit().await;
    let broker = rabbit.broker();
    let check = || async { report(Readiness::new().rabbitmq(&broker, QUEUE)).await };
    let found = check().await;
    assert!(found.is_ready());
    let warning = found.checks["rabbitmq"].warning.as_deref().unwrap();
    assert!(warning.contains("nobody consumes the queue work"), "{warning}");
    let mut consumer = broker.consume(QUEUE, 1);
    let state = consumer.state();
    state.check().unwrap_err();
    let consuming = tokio::spawn(async move { consumer.next().await });
    eventually("a consumer", || async { state.check().is_ok() }).await;
    assert_eq!(check().await.checks["rabbitmq"].warning, None);

    let connection = lapin::Connection::connect(&rabbit.url, lapin::ConnectionProperties::default())
        .await
        .unwrap();
    // The consumer may make the right one between the two steps.
    eventually("a classic queue", || async {
        rabbit.delete_queue(QUEUE).await.ok();
        let channel = connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions::durable();
        channel
            .queue_declare(QUEUE.into(), options, FieldTable::default())
            .await
            .is_ok()
    })
    .await;
    eventually("it is not as we declare it", || async { !check().await.is_ready() }).await;
    eventually("the consumer says so", || async {
        state
            .check()
            .is_err_and(|error| format!("{error:#}").contains("PRECONDITION"))
    })
    .await;
    rabbit.delete_queue(QUEUE).await.unwrap();
    eventually("it is right again", || async {
        check().await.is_ready() && state.check().is_ok()
    })
    .await;
    consuming.abort();
}
