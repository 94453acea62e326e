//! The first administrator, whom the settings name: how an installation gets one without a command.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::error::ApiError;
use crate::state::AppState;
use crate::store::audit::{self, NewEntry};
use crate::store::{administrators, sessions};

/// Makes sure that the administrator of the settings exists, is active and has the password of the settings. Doing it
/// twice, or on several gateways at once, changes nothing more.
pub async fn ensure(state: &AppState) -> Result<(), ApiError> {
    let name = state.settings.admin_user.trim();
    if name.is_empty() {
        return Ok(());
    }
    let password = SecretString::from(state.settings.admin_pass.expose_secret());
    let now = state.clock.now();
    let mut client = state.postgres.get().await?;
    let transaction = client.transaction().await?;
    let Some(known) = administrators::find(&transaction, name).await? else {
        let hash = state.passwords.make(password).await?;
        administrators::create(&transaction, name, &hash, now).await?;
        transaction.commit().await?;
        tracing::info!("first administrator created");
        return Ok(());
    };
    let fits = known.password_hash.is_some()
        && state
            .passwords
            .verify(password.clone(), known.password_hash.clone())
            .await?;
    let hash = match known.password_hash {
        Some(hash) if fits => hash,
        _ => {
            let hash = state.passwords.make(password).await?;
            sessions::revoke_all(&transaction, known.id, None, now).await?;
            let entry = NewEntry {
                actor_id: None,
                action: "password.changed",
                target: &known.id.to_string(),
                details: json!({"by": "ADMIN_PASS"}),
            };
            audit::record(&transaction, &entry, now).await?;
            hash
        }
    };
    administrators::ensure(&transaction, known.id, &hash, now).await?;
    transaction.commit().await?;
    Ok(())
}
