//! Commands for operators. Without one, the gateway serves.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use platform::clock::{Clock, SystemClock};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::app;
use crate::auth::api_key::{self, KeyHasher};
use crate::auth::email::Email;
use crate::auth::identity_cache::IdentityCache;
use crate::auth::{Role, Tier};
use crate::error::catalogue;
use crate::settings::Settings;
use crate::store::api_keys;
use crate::store::users::{self, NewUser};

/// The public gateway.
#[derive(Debug, Parser)]
#[command(name = "gateway", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (the default).
    Serve,
    /// Users.
    #[command(subcommand)]
    Users(UsersCommand),
    /// API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Pages made of the code.
    #[command(subcommand)]
    Docs(DocsCommand),
}

#[derive(Debug, Subcommand)]
enum UsersCommand {
    /// Make a user with a key, or make sure that it is there.
    Create(CreateUser),
}

#[derive(Debug, Args)]
struct CreateUser {
    /// The user's e-mail address.
    #[arg(long)]
    email: String,
    /// reader, analyst or admin.
    #[arg(long, default_value = "reader")]
    role: Role,
    /// The user's tier; the default one if not given.
    #[arg(long)]
    tier: Option<Tier>,
    /// File for the key. If it holds one, that key is used. Without it, a new key is printed.
    #[arg(long)]
    api_key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// End a key on all instances at once.
    Revoke(RevokeKey),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct RevokeKey {
    /// Id of the key.
    #[arg(long)]
    id: Option<Uuid>,
    /// The first 12 characters of the key. A whole key does not belong on a command line, where others can read it.
    #[arg(long)]
    prefix: Option<String>,
    /// File that holds the whole key; `-` for standard input.
    #[arg(long)]
    key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum DocsCommand {
    /// Print docs/errors.md.
    Errors,
    /// Print the OpenAPI document.
    Openapi,
}

impl Cli {
    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// It failed.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve().await,
            Command::Users(UsersCommand::Create(user)) => create_user(user).await,
            Command::Keys(KeysCommand::Revoke(key)) => revoke_key(key).await,
            Command::Docs(DocsCommand::Errors) => print(&catalogue::markdown()),
            Command::Docs(DocsCommand::Openapi) => {
                print(&crate::openapi::build(&Settings::load().supported_tickers)?.text)
            }
        }
    }
}

async fn serve() -> anyhow::Result<()> {
    let settings = Settings::load();
    platform::telemetry::init("gateway", &settings.process)?;
    app::run(settings, platform::signals::on_shutdown()).await
}

async fn create_user(wanted: CreateUser) -> anyhow::Result<()> {
    let settings = Settings::load();
    let email = Email::parse(&wanted.email).with_context(|| format!("{:?} is not an e-mail address", wanted.email))?;
    let pool = platform::postgres::connect(&settings.postgres)?;
    platform::postgres::require_schema(&pool, app::SCHEMA_VERSION).await?;
    let hasher = KeyHasher::new(&settings.api_key_pepper)?;
    let known = wanted.api_key_file.as_deref().map(read_key).transpose()?.flatten();
    let is_new = known.is_none();
    let key = known.map_or_else(api_key::generate, Ok)?;
    // The key is kept before it works, so that a crash in between loses nothing.
    match &wanted.api_key_file {
        Some(path) if is_new => write_key(path, &key)?,
        Some(_) => {}
        None => print(&format!("{}\n", key.expose_secret()))?,
    }
    let user = NewUser {
        id: uuid::Uuid::now_v7(),
        email: &email,
        role: wanted.role,
        tier: wanted.tier.unwrap_or(settings.default_tier),
        password_hash: None,
    };
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    let id = users::ensure_with_key(&transaction, &hasher, &user, &key, SystemClock.now()).await?;
    transaction.commit().await?;
    // The pool may have one connection only, which the next call takes.
    drop(client);
    if let Err(error) = identity_cache(&settings, pool, hasher)?.propagate_changes().await {
        eprintln!("gateways learn of the change when Redis answers: {error}");
    }
    eprintln!("user {id} ({}, {}) is ready", email.as_str(), wanted.role);
    Ok(())
}

async fn revoke_key(wanted: RevokeKey) -> anyhow::Result<()> {
    let settings = Settings::load();
    let pool = platform::postgres::connect(&settings.postgres)?;
    let hasher = KeyHasher::new(&settings.api_key_pepper)?;
    let ids = match (wanted.id, wanted.prefix, wanted.key_file) {
        (Some(id), _, _) => vec![id],
        (None, Some(prefix), _) => {
            if prefix.chars().count() > api_key::PREFIX_CHARS {
                bail!("--prefix takes the first 12 characters; give a whole key by --key-file, - for standard input");
            }
            api_keys::list_by_prefix(&pool.get().await?, &prefix).await?
        }
        (None, None, Some(path)) => {
            let key = read_whole_key(&path)?;
            let id = api_keys::find_id(&pool.get().await?, &hasher.hash(key.expose_secret())).await?;
            id.into_iter().collect()
        }
        (None, None, None) => Vec::new(),
    };
    let [id] = ids.as_slice() else {
        bail!("{} keys that are not revoked fit; name one by --id", ids.len());
    };
    if !identity_cache(&settings, pool, hasher)?.revoke(*id).await? {
        bail!("there is no key {id}");
    }
    eprintln!("key {id} is revoked");
    Ok(())
}

/// The identity cache, for one change.
fn identity_cache(
    settings: &Settings,
    pool: platform::postgres::Pool,
    hasher: KeyHasher,
) -> anyhow::Result<IdentityCache> {
    let redis = platform::redis::connect(&settings.redis)?;
    let (used, _) = mpsc::channel(1);
    Ok(IdentityCache::new(pool, redis, hasher, SystemClock::shared(), used))
}

/// The key in a file or, for `-`, on standard input.
fn read_whole_key(path: &Path) -> anyhow::Result<SecretString> {
    if path != Path::new("-") {
        return read_key(path)?.with_context(|| format!("{} does not exist", path.display()));
    }
    let mut text = String::new();
    std::io::stdin().read_line(&mut text).context("standard input")?;
    let key = text.trim();
    if !api_key::is_well_formed(key) {
        bail!("standard input does not hold an API key");
    }
    Ok(key.to_owned().into())
}

/// The key in a file; `None` if there is no file yet.
fn read_key(path: &Path) -> anyhow::Result<Option<SecretString>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let key = text.trim();
    if !api_key::is_well_formed(key) {
        bail!(
            "{} does not hold an API key; remove it to get a new one",
            path.display()
        );
    }
    Ok(Some(key.to_owned().into()))
}

/// Writes a key to a file that only its owner can read.
fn write_key(path: &Path, key: &SecretString) -> anyhow::Result<()> {
    let open = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = open.with_context(|| format!("writing {}", path.display()))?;
    writeln!(file, "{}", key.expose_secret()).with_context(|| format!("writing {}", path.display()))
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("standard output")
}
