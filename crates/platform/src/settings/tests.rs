use secrecy::ExposeSecret;
use serde::Deserialize;

use super::*;

const DEFAULTS: &str = r#"
poll_interval_seconds = 10
ratio = 0.5
enabled = true
api_key = ""
supported_tickers = ["BTC", "ETH"]
windows = [1, 2]
home_url = "http://127.0.0.1"
"#;

#[derive(Debug, Deserialize)]
struct Sample {
    #[serde(flatten)]
    process: ProcessSettings,
    poll_interval_seconds: u8,
    ratio: f64,
    enabled: bool,
    api_key: secrecy::SecretString,
    supported_tickers: Vec<String>,
    windows: Vec<u32>,
    #[expect(dead_code, reason = "only read")]
    home_url: url::Url,
}

impl Validate for Sample {
    fn validate(&self, problems: &mut Problems) {
        self.process.validate(problems);
        if self.ratio > f64::from(self.poll_interval_seconds) {
            problems.add_relation(
                "RATIO",
                &["POLL_INTERVAL_SECONDS"],
                "is more than POLL_INTERVAL_SECONDS",
            );
        }
        if self.poll_interval_seconds == 0 {
            problems.add("POLL_INTERVAL_SECONDS", "must be at least 1");
        }
    }
}

fn sample(variables: &[(&str, &str)]) -> Result<Sample, SettingsError> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    load_from(&[PROCESS_DEFAULTS, DEFAULTS], &variables)
}

fn names(error: &SettingsError) -> Vec<String> {
    error.iter().map(|(name, _)| name.to_owned()).collect()
}

fn write(text: &str) -> String {
    let path = std::env::temp_dir().join(format!("settings-{}", uuid::Uuid::now_v7()));
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_environment_is_last_and_strongest() {
    let file = write("poll_interval_seconds = 20\nratio = 2\n");
    let settings = sample(&[
        ("CONFIG_FILE", &file),
        ("POLL_INTERVAL_SECONDS", "30"),
        ("SUPPORTED_TICKERS", "SOL, BNB ,"),
        ("WINDOWS", "3,4"),
        ("ENABLED", "false"),
        ("PORT", "8001"),
        ("APP_ENV", "test"),
    ])
    .unwrap();
    assert_eq!(settings.poll_interval_seconds, 30);
    assert!((settings.ratio - 2.0).abs() < f64::EPSILON);
    assert!(!settings.enabled);
    assert_eq!(settings.supported_tickers, ["SOL", "BNB"]);
    assert_eq!(settings.windows, [3, 4]);
    assert_eq!(settings.process.port, 8001);
    assert_eq!(settings.process.app_env, AppEnv::Test);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn every_problem_is_reported_at_once_under_its_variable() {
    let error = sample(&[
        ("POLL_INTERVAL_SECONDS", "ten"),
        ("ENABLED", "maybe"),
        ("WINDOWS", "1,x"),
        ("RATIO", "NaN"),
        ("INTERNAL_TOKEN", "short"),
        ("API_KEY_FILE", "/nonexistent/secret"),
    ])
    .unwrap_err();
    let mut found = names(&error);
    found.sort();
    assert_eq!(
        found,
        [
            "API_KEY_FILE",
            "ENABLED",
            "INTERNAL_TOKEN",
            "POLL_INTERVAL_SECONDS",
            "RATIO",
            "WINDOWS"
        ]
    );
    let text = error.to_string();
    assert!(text.starts_with("invalid configuration:\n"), "{text}");
    assert!(text.contains("POLL_INTERVAL_SECONDS: must be a whole number"), "{text}");
    assert!(!text.contains("short"), "a secret is not repeated: {text}");
}

#[test]
fn values_that_do_not_fit_their_field_are_blamed_by_name() {
    let error = sample(&[("APP_ENV", "moon"), ("PORT", "70000"), ("POLL_INTERVAL_SECONDS", "-1")]).unwrap_err();
    let mut found = names(&error);
    found.sort();
    assert_eq!(found, ["APP_ENV", "POLL_INTERVAL_SECONDS", "PORT"]);
}

#[test]
fn checks_are_not_silenced_by_values_that_do_not_fit() {
    let error = sample(&[
        ("APP_ENV", "moon"),
        ("PORT", "70000"),
        ("HTTP_WORKERS", "0"),
        ("INTERNAL_TOKEN", "short"),
        ("ENABLED", "maybe"),
        ("POLL_INTERVAL_SECONDS", "0"),
        ("RATIO", "0"),
    ])
    .unwrap_err();
    let mut found = names(&error);
    found.sort();
    assert_eq!(
        found,
        [
            "APP_ENV",
            "ENABLED",
            "HTTP_WORKERS",
            "INTERNAL_TOKEN",
            "POLL_INTERVAL_SECONDS",
            "PORT"
        ]
    );
}

#[test]
fn a_relation_to_a_wrong_value_is_not_judged() {
    assert_eq!(names(&sample(&[("RATIO", "11")]).unwrap_err()), ["RATIO"]);
    for wrong in ["ten", "-1"] {
        let error = sample(&[("RATIO", "11"), ("POLL_INTERVAL_SECONDS", wrong)]).unwrap_err();
        assert_eq!(names(&error), ["POLL_INTERVAL_SECONDS"]);
    }
}

#[test]
fn values_that_do_not_fit_are_explained_in_plain_words() {
    for (name, value, expected) in [
        (
            "APP_ENV",
            "moon",
            "must be one of development, test, staging, production",
        ),
        ("PORT", "70000", "must be a whole number from 0 to 65535"),
        ("POLL_INTERVAL_SECONDS", "-1", "must be a whole number from 0 to 255"),
        ("HTTP_WORKERS", "-1", "must be a whole number, not below 0"),
        ("BIND_ADDRESS", "localhost", "must be an IP address, such as 127.0.0.1"),
        (
            "HOME_URL",
            "localhost",
            "must be an address, such as http://127.0.0.1:8001",
        ),
        (
            "WINDOWS",
            "1,-2",
            "must be a list of whole numbers from 0 to 4294967295",
        ),
    ] {
        let error = sample(&[(name, value)]).unwrap_err();
        assert_eq!(error.iter().collect::<Vec<_>>(), [(name, expected)]);
    }
}

#[test]
fn a_key_unknown_to_the_defaults_is_refused_in_the_file() {
    let file = write("poll_intervall_seconds = 20\nenabled = \"yes\"\n");
    let error = sample(&[("CONFIG_FILE", &file)]).unwrap_err();
    let mut found = names(&error);
    found.sort();
    assert_eq!(found, ["ENABLED", "POLL_INTERVALL_SECONDS"]);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_missing_or_broken_file_is_named() {
    let broken = write("a = [");
    for path in ["/nonexistent/config.toml", &broken] {
        let error = sample(&[("CONFIG_FILE", path)]).unwrap_err();
        assert_eq!(names(&error), ["CONFIG_FILE"]);
        assert!(error.to_string().contains(path));
    }
    std::fs::remove_file(broken).unwrap();
}

#[test]
fn a_secret_is_read_from_its_file_and_never_printed() {
    let file = write("s3cret\n");
    let settings = sample(&[("API_KEY_FILE", &file)]).unwrap();
    assert_eq!(settings.api_key.expose_secret(), "s3cret");
    assert!(!format!("{settings:?}").contains("s3cret"));
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_value_and_its_file_together_are_a_problem() {
    let error = sample(&[("API_KEY", "a"), ("API_KEY_FILE", "/tmp/b")]).unwrap_err();
    assert_eq!(names(&error), ["API_KEY"]);
    assert!(error.to_string().contains("API_KEY_FILE"));
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let settings = sample(&[("POLL_INTERVAL_SECONDS", ""), ("LOG_LEVEL", "")]).unwrap();
    assert_eq!(settings.poll_interval_seconds, 10);
    assert_eq!(settings.process.log_level, "info");
}

#[test]
fn production_needs_an_internal_token() {
    let error = sample(&[("APP_ENV", "production")]).unwrap_err();
    assert_eq!(names(&error), ["INTERNAL_TOKEN"]);
    let token = "0123456789abcdef0123456789abcdef";
    sample(&[("APP_ENV", "production"), ("INTERNAL_TOKEN", token)]).unwrap();
}

#[test]
fn later_defaults_override_earlier_ones() {
    let settings: Sample = load_from(&[PROCESS_DEFAULTS, DEFAULTS, "port = 8002"], &Variables::new()).unwrap();
    assert_eq!(settings.process.port, 8002);
}

#[derive(Debug, Deserialize)]
struct Stores {
    #[serde(flatten)]
    postgres: PostgresSettings,
    #[serde(flatten)]
    redis: RedisSettings,
    #[serde(flatten)]
    rabbit: RabbitSettings,
}

impl Validate for Stores {
    fn validate(&self, problems: &mut Problems) {
        self.postgres.validate(problems);
        self.redis.validate(problems);
        self.rabbit.validate(problems);
    }
}

fn stores(variables: &[(&str, &str)]) -> Result<Stores, SettingsError> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    load_from(&[POSTGRES_DEFAULTS, REDIS_DEFAULTS, RABBIT_DEFAULTS], &variables)
}

#[test]
fn addresses_of_the_stores_are_checked() {
    let error = stores(&[
        ("DATABASE_URL", "mysql://x"),
        ("REDIS_URL", "http://x"),
        ("RABBITMQ_URL", "http://x"),
        ("DATABASE_POOL_SIZE", "0"),
    ])
    .unwrap_err();
    assert_eq!(
        names(&error),
        ["DATABASE_URL", "DATABASE_POOL_SIZE", "REDIS_URL", "RABBITMQ_URL"]
    );
}

#[test]
fn tls_of_the_database_is_checked_with_everything_else() {
    for query in ["sslmode=verify", "sslmode=verify-ca&sslrootcert=/no/such/file"] {
        let url = format!("postgres://h/n?{query}");
        let error = stores(&[("DATABASE_URL", &url), ("DATABASE_POOL_SIZE", "0")]).unwrap_err();
        assert_eq!(names(&error), ["DATABASE_URL", "DATABASE_POOL_SIZE"], "{query}");
    }
}

#[test]
fn a_database_can_be_named_by_its_parts() {
    let settings = stores(&[("DB_HOST", "db.internal"), ("DB_PASS", "p@ss:/word")]).unwrap();
    let parameters = settings.postgres.address().unwrap().parameters;
    assert_eq!(parameters.get_password(), Some(b"p@ss:/word".as_slice()));
    assert_eq!(parameters.get_ports(), [5432]);
    let whole = stores(&[("DATABASE_URL", "postgres://a:b@h:1/n")]).unwrap();
    assert_eq!(whole.postgres.address().unwrap().parameters.get_dbname(), Some("n"));
    assert!(settings.redis.redis_response_timeout_ms > 0);
    assert!(!settings.rabbit.rabbitmq_url.expose_secret().is_empty());
}
