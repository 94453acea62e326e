use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn policy(networks: &[&str], ports: &[&str]) -> EgressPolicy {
    EgressPolicy {
        allowed_networks: networks.iter().map(|n| n.parse().unwrap()).collect(),
        allowed_ports: ports.iter().map(|p| p.parse().unwrap()).collect(),
        require_https: false,
    }
}

#[rstest]
#[case::unspecified("0.0.0.0")]
#[case::this_network("0.1.2.3")]
#[case::private_10("10.0.0.1")]
#[case::shared_low("100.64.0.0")]
#[case::shared_high("100.127.255.255")]
#[case::loopback("127.0.0.1")]
#[case::loopback_far("127.255.255.254")]
#[case::metadata_service("169.254.169.254")]
#[case::private_172_low("172.16.0.0")]
#[case::private_172_high("172.31.255.255")]
#[case::protocol_assignments("192.0.0.8")]
#[case::documentation_1("192.0.2.1")]
#[case::relay_anycast("192.88.99.1")]
#[case::private_192("192.168.1.1")]
#[case::benchmarking("198.19.255.255")]
#[case::documentation_2("198.51.100.7")]
#[case::documentation_3("203.0.113.9")]
#[case::multicast("224.0.0.1")]
#[case::reserved("240.0.0.1")]
#[case::broadcast("255.255.255.255")]
#[case::v6_unspecified("::")]
#[case::v6_loopback("::1")]
#[case::v4_compatible("::8.8.8.8")]
#[case::v4_mapped("::ffff:8.8.8.8")]
#[case::six_to_four("2002:808:808::1")]
#[case::mapped_loopback("::ffff:127.0.0.1")]
#[case::mapped_private("::ffff:a00:1")]
#[case::translated_private("64:ff9b::10.0.0.1")]
#[case::local_translation("64:ff9b:1::808:808")]
#[case::discard("100::1")]
#[case::teredo("2001:0:4136:e378::1")]
#[case::orchid("2001:20::1")]
#[case::v6_documentation("2001:db8::1")]
#[case::v6_documentation_new("3fff:fff::1")]
#[case::six_to_four_private("2002:a00:1::1")]
#[case::six_to_four_loopback("2002:7f00:1::")]
#[case::segment_routing("5f00::1")]
#[case::unique_local("fd12:3456:789a::1")]
#[case::link_local("fe80::1")]
#[case::site_local("fec0::1")]
#[case::v6_multicast("ff02::1")]
fn address_outside_the_internet_is_refused(#[case] address: &str) {
    assert_eq!(
        EgressPolicy::default().check_address(address.parse().unwrap()),
        Err(Blocked::Address)
    );
}

#[rstest]
#[case("1.1.1.1")]
#[case("8.8.8.8")]
#[case("100.63.255.255")]
#[case("100.128.0.0")]
#[case("172.15.255.255")]
#[case("172.32.0.0")]
#[case("192.0.1.1")]
#[case("198.17.0.1")]
#[case("198.20.0.1")]
#[case("223.255.255.255")]
#[case("2606:4700:4700::1111")]
#[case("2001:200::1")]
#[case("2a00:1450:4001:81b::200e")]
#[case("64:ff9b::8.8.8.8")]
fn address_of_the_internet_is_allowed(#[case] address: &str) {
    assert_eq!(EgressPolicy::default().check_address(address.parse().unwrap()), Ok(()));
}

#[rstest]
#[case::plain("http://127.0.0.1/")]
#[case::short("http://127.1/")]
#[case::zero("http://0/")]
#[case::decimal("http://2130706433/")]
#[case::hexadecimal("http://0x7f000001/")]
#[case::hexadecimal_parts("http://0x7f.0x0.0x0.0x1/")]
#[case::octal("http://0177.0.0.1/")]
#[case::octal_whole("http://017700000001/")]
#[case::percent_encoded("http://%31%32%37.0.0.1/")]
#[case::full_width("http://127。0。0。1/")]
#[case::circled("http://①②⑦.⓪.⓪.①/")]
#[case::trailing_dot("http://127.0.0.1./")]
#[case::v6("http://[::1]/")]
#[case::v6_long("http://[0000:0000:0000:0000:0000:0000:0000:0001]/")]
#[case::mapped("http://[::ffff:127.0.0.1]/")]
#[case::mapped_hex("http://[::ffff:7f00:1]/")]
#[case::translated("http://[64:ff9b::7f00:1]/")]
#[case::link_local("http://[fe80::1]/")]
#[case::metadata("https://169.254.169.254/latest/meta-data/")]
#[case::backslash(r"http:\\127.0.0.1\")]
#[case::tab("http://127.0.\t0.1/")]
fn inner_address_is_refused_in_every_spelling(#[case] url: &str) {
    assert_eq!(EgressPolicy::default().check_url(url), Err(Blocked::Address), "{url}");
}

#[rstest]
#[case("ftp://example.com/", Blocked::Scheme)]
#[case("file:///etc/passwd", Blocked::Scheme)]
#[case("gopher://example.com/", Blocked::Scheme)]
#[case("javascript:alert(1)", Blocked::Scheme)]
#[case("http://user@example.com/", Blocked::Credentials)]
#[case("http://:password@example.com/", Blocked::Credentials)]
#[case("http://example.com@127.0.0.1/", Blocked::Credentials)]
#[case("http://example.com:22/", Blocked::Port(22))]
#[case("https://example.com:6379/", Blocked::Port(6379))]
#[case("", Blocked::Invalid)]
#[case("example.com/hook", Blocked::Invalid)]
#[case("http://", Blocked::Invalid)]
#[case("http://[::1", Blocked::Invalid)]
#[case("http://example.com:99999/", Blocked::Invalid)]
#[case("http://fe80::1%25eth0/", Blocked::Invalid)]
fn url_is_refused_by_the_rule_that_it_breaks(#[case] url: &str, #[case] expected: Blocked) {
    assert_eq!(EgressPolicy::default().check_url(url), Err(expected), "{url}");
}

#[test]
fn length_is_counted_as_given_and_as_sent() {
    let longest = format!("https://example.com/{}", "a".repeat(MAX_URL_LENGTH - 20));
    assert!(EgressPolicy::default().check_url(&longest).is_ok());
    assert_eq!(
        EgressPolicy::default().check_url(&format!("{longest}a")),
        Err(Blocked::TooLong)
    );
    let grows_when_encoded = format!("https://example.com/{}", "ä".repeat(1000));
    assert_eq!(
        EgressPolicy::default().check_url(&grows_when_encoded),
        Err(Blocked::TooLong)
    );
}

#[test]
fn https_can_be_required() {
    let strict = EgressPolicy {
        require_https: true,
        ..EgressPolicy::default()
    };
    assert_eq!(strict.check_url("http://example.com/"), Err(Blocked::HttpsRequired));
    assert!(strict.check_url("https://example.com/").is_ok());
}

#[rstest]
#[case(&["*"], 9, true)]
#[case(&["1024-65535"], 1024, true)]
#[case(&["1024-65535"], 1023, false)]
#[case(&["8080", "9000-9002"], 9001, true)]
#[case(&["8080", "9000-9002"], 9003, false)]
#[case(&[], 443, true)]
#[case(&[], 80, true)]
fn further_ports_are_allowed_by_settings(#[case] ports: &[&str], #[case] port: u16, #[case] allowed: bool) {
    let verdict = policy(&[], ports).check_url(&format!("http://example.com:{port}/"));
    assert_eq!(verdict.is_ok(), allowed, "{verdict:?}");
}

#[test]
fn allowed_network_is_allowed_in_every_spelling() {
    let policy = policy(&["127.0.0.0/8", "fd00::/8"], &[]);
    for url in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fd00::5]/",
    ] {
        assert!(policy.check_url(url).is_ok(), "{url}");
    }
    for url in ["http://10.0.0.1/", "http://[::1]/", "http://[fe80::1]/"] {
        assert_eq!(policy.check_url(url), Err(Blocked::Address), "{url}");
    }
}

#[rstest]
#[case("0")]
#[case("9000-8000")]
#[case("65536")]
#[case("any")]
#[case("")]
fn invalid_port_range_is_refused(#[case] text: &str) {
    assert_eq!(text.parse::<PortRange>(), Err(InvalidPortRange(text.to_owned())));
}

#[tokio::test]
async fn name_of_an_inner_address_is_refused_by_the_resolver() {
    let name: Name = "localhost".parse().unwrap();
    let resolved = EgressResolver::new(Arc::new(EgressPolicy::default()), NameResolver::new().unwrap())
        .resolve(name)
        .await;
    let refusal = resolved.err().unwrap();
    assert_eq!(refusal.downcast_ref::<Blocked>(), Some(&Blocked::Address));
}

#[tokio::test]
async fn name_in_an_allowed_network_resolves() {
    let resolver = EgressResolver::new(
        Arc::new(policy(&["127.0.0.0/8", "::1/128"], &[])),
        NameResolver::new().unwrap(),
    );
    let addresses: Vec<_> = resolver.resolve("localhost".parse().unwrap()).await.unwrap().collect();
    assert!(
        !addresses.is_empty() && addresses.iter().all(|a| a.ip().is_loopback()),
        "{addresses:?}"
    );
}

#[tokio::test]
async fn name_of_an_inner_address_is_refused_at_creation() {
    let policy = EgressPolicy::default();
    let url = policy.check_url("http://localhost/hook").unwrap();
    assert_eq!(
        policy.check_name(&url, &NameResolver::new().unwrap()).await,
        Err(Blocked::Address)
    );
}

proptest! {
    #[test]
    fn any_text_is_checked_without_a_panic(text in "\\PC{0,80}") {
        let _ = EgressPolicy::default().check_url(&text);
        let _ = EgressPolicy::default().check_url(&format!("http://{text}/"));
    }

    #[test]
    fn mapped_address_is_allowed_only_where_its_inner_address_is(address: u32) {
        let v4 = Ipv4Addr::from(address);
        let mapped = v4.to_ipv6_mapped().into();
        prop_assert_eq!(EgressPolicy::default().check_address(mapped), Err(Blocked::Address));
        let policy = EgressPolicy {
            allowed_networks: vec![v4.to_string().parse().unwrap()],
            ..EgressPolicy::default()
        };
        prop_assert_eq!(policy.check_address(mapped), Ok(()));
    }
}
