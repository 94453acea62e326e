use std::time::Duration;

use platform::lease::Lease;

#[tokio::test]
async fn one_holder_at_a_time() {
    let redis = testkit::redis().await;
    let lease = || Lease::new(redis.connection.clone(), "lease:work", Duration::from_secs(30));
    let (mut first, mut second) = (lease(), lease());
    assert!(first.hold().await.unwrap());
    assert!(!second.hold().await.unwrap());
    assert!(first.hold().await.unwrap(), "renewing keeps it");
    assert!(first.is_held() && !second.is_held());

    second.release().await.unwrap();
    assert!(!second.hold().await.unwrap(), "only the owner can release it");
    first.release().await.unwrap();
    assert!(!first.is_held());
    assert!(second.hold().await.unwrap());
}

#[tokio::test]
async fn a_lease_nobody_renews_ends() {
    let redis = testkit::redis().await;
    let short = Duration::from_millis(50);
    let mut dead = Lease::new(redis.connection.clone(), "lease:work", short);
    assert!(dead.hold().await.unwrap());
    let mut heir = Lease::new(redis.connection.clone(), "lease:work", Duration::from_secs(30));
    let waiting = async {
        while !heir.hold().await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap();
    assert!(!dead.is_held(), "its holder knows");
    assert!(!dead.hold().await.unwrap());
}
