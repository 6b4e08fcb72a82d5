//! `ringside backup FILE`.

use super::Failure;
use crate::config::Settings;
use crate::store::Store;
use std::path::Path;

/// Copies the database while the gateway runs.
pub async fn run(settings: &Settings, file: &Path) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure(format!("{} exists already; name a file that does not", file.display())));
    }
    let store = Store::open_beside(settings.database_url.expose()).await?;
    store.backup(&file.display().to_string()).await?;
    println!(
        "{} holds the database. Usage events of the last moments may still be in the journal ({}*).",
        file.display(),
        settings.journal.display()
    );
    Ok(())
}
