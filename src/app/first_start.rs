//! What a first start makes: an account with a server token, and an admin token.

use super::StartError;
use crate::access::{Scopes, Tokens};
use crate::clock::Clock;
use crate::id::{Id, Token};
use crate::store::Store;
use crate::store::accounts::{self, Account, Billing, Plan};
use crate::wire::limits::Most;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The tokens of a first start.
pub struct FirstTokens {
    pub admin: Token,
    pub server: Token,
    /// Where they were written.
    pub file: PathBuf,
}

/// Makes them in an empty database.
pub(super) async fn prepare(
    store: &Store,
    tokens: &Tokens,
    clock: &Clock,
    file: &Path,
) -> Result<Option<FirstTokens>, StartError> {
    if accounts::count(store).await? > 0 {
        return Ok(None);
    }
    let account = Account {
        id: Id::new("acct").into_string(),
        name: "First account".to_owned(),
        email: None,
        plan: Plan::Enterprise,
        billing: Billing::Invoiced,
        markup_basis_points: 0,
        monthly_budget: None,
        default_customer_budget: None,
        most: Most::default(),
        created: clock.now(),
    };
    // The file is opened before anything is made: tokens that nobody can read help nobody.
    let failed = |error| StartError::TokenFile { file: file.display().to_string(), error };
    let mut out = open(file).map_err(failed)?;
    accounts::insert(store, &account).await?;
    let server = tokens.make_server(&account.id, "first start", Scopes::ALL).await?.token;
    let admin = tokens.make_admin("first start").await?.token;
    let text = format!("RINGSIDE_TOKEN={}\nRINGSIDE_OPERATOR_TOKEN={}\n", server.expose(), admin.expose());
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(failed)?;
    Ok(Some(FirstTokens { admin, server, file: file.to_owned() }))
}

/// A new file that only its owner can read; one left by an earlier database is replaced.
fn open(file: &Path) -> io::Result<File> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options().create_new(true).write(true).mode(0o600).open(file)
}
