//! `ringside account …` and `ringside token …`: what `/admin/ringside` does, without a token, for
//! whoever can read the database. A running gateway notices within seconds.

use super::{Failure, table};
use crate::access::{Scopes, Tokens};
use crate::clock::Clock;
use crate::config::Settings;
use crate::id::Id;
use crate::store::accounts::{self, Account, Billing, Plan};
use crate::store::{Store, tokens};
use crate::wire::limits::Most;
use clap::Subcommand;
use serde::Serialize;
use std::sync::Arc;

#[derive(Subcommand)]
pub enum AccountCommand {
    /// Make an account
    Create {
        name: String,
        /// developer, pro or enterprise
        #[arg(long, default_value = "developer")]
        plan: String,
        /// prepaid or invoiced
        #[arg(long, default_value = "invoiced")]
        billing: String,
    },
    /// List accounts
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make a server token of an account, or an admin token; it is printed once
    Create {
        name: String,
        /// The account; without it an admin token is made
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// Such as api:chat; may be repeated; all without it
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
    },
    /// List the tokens of an account
    List {
        #[arg(long, value_name = "ACCOUNT")]
        account: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a token at once
    Revoke {
        #[arg(long, value_name = "ACCOUNT")]
        account: String,
        id: String,
    },
}

#[derive(Serialize)]
struct AccountRow {
    id: String,
    name: String,
    plan: &'static str,
    billing: &'static str,
    created: String,
}

#[derive(Serialize)]
struct TokenRow {
    id: String,
    name: String,
    hint: String,
    scopes: String,
    created: String,
    expires: Option<String>,
}

async fn open(settings: &Settings) -> Result<Arc<Store>, Failure> {
    Ok(Arc::new(Store::open_beside(settings.database_url.expose()).await?))
}

/// Runs `ringside account …`.
pub async fn accounts(settings: &Settings, command: AccountCommand) -> Result<(), Failure> {
    let store = open(settings).await?;
    match command {
        AccountCommand::Create { name, plan, billing } => {
            let plan =
                Plan::parse(&plan).ok_or_else(|| Failure("--plan is developer, pro or enterprise".to_owned()))?;
            let billing =
                Billing::parse(&billing).ok_or_else(|| Failure("--billing is prepaid or invoiced".to_owned()))?;
            let account = Account {
                id: Id::new("acct").into_string(),
                name,
                email: None,
                plan,
                billing,
                markup_basis_points: plan.markup_basis_points(),
                monthly_budget: None,
                default_customer_budget: None,
                most: Most::default(),
                created: Clock::of_machine().now(),
            };
            accounts::insert(&store, &account).await?;
            println!("{}", account.id);
        }
        AccountCommand::List { json } => {
            let rows: Vec<AccountRow> = all(&store).await?.into_iter().map(row).collect();
            table::print(json, &["id", "name", "plan", "billing", "created"], &rows, |row| {
                vec![row.id.clone(), row.name.clone(), row.plan.to_owned(), row.billing.to_owned(), row.created.clone()]
            })?;
        }
    }
    Ok(())
}

fn row(account: Account) -> AccountRow {
    AccountRow {
        plan: account.plan.text(),
        billing: account.billing.text(),
        created: account.created.rfc3339(),
        id: account.id,
        name: account.name,
    }
}

async fn all(store: &Store) -> Result<Vec<Account>, Failure> {
    let mut all: Vec<Account> = Vec::new();
    loop {
        let page = accounts::list(store, all.last().map(|account| account.id.as_str()), 500).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Runs `ringside token …`.
pub async fn tokens(settings: &Settings, command: TokenCommand) -> Result<(), Failure> {
    let store = open(settings).await?;
    let index = Tokens::load(Arc::clone(&store), Clock::of_machine(), None).await?;
    match command {
        TokenCommand::Create { name, account: None, scopes } if scopes.is_empty() => {
            println!("{}", index.make_admin(&name).await?.token.expose());
        }
        TokenCommand::Create { account: None, .. } => {
            return Err(Failure("an admin token has no scopes; name an --account for a server token".to_owned()));
        }
        TokenCommand::Create { name, account: Some(account), scopes } => {
            known(&store, &account).await?;
            let scopes =
                if scopes.is_empty() { Scopes::ALL } else { Scopes::parse(scopes.iter().map(String::as_str))? };
            println!("{}", index.make_server(&account, &name, scopes).await?.token.expose());
        }
        TokenCommand::List { account, json } => {
            known(&store, &account).await?;
            let rows = tokens::of_account(&store, &account, None, 10_000).await?;
            let rows: Vec<TokenRow> = rows
                .into_iter()
                .map(|row| TokenRow {
                    hint: format!("ko_…{}", row.last_four),
                    created: row.created.rfc3339(),
                    expires: row.expires.map(crate::clock::Timestamp::rfc3339),
                    id: row.id,
                    name: row.name,
                    scopes: row.scopes,
                })
                .collect();
            table::print(json, &["id", "name", "token", "created", "expires", "scopes"], &rows, |row| {
                let expires = row.expires.clone().unwrap_or_else(|| "never".to_owned());
                vec![
                    row.id.clone(),
                    row.name.clone(),
                    row.hint.clone(),
                    row.created.clone(),
                    expires,
                    row.scopes.clone(),
                ]
            })?;
        }
        TokenCommand::Revoke { account, id } => {
            if !index.revoke(&account, &id).await? {
                return Err(Failure(format!(
                    "account {account} has no token {id}; `ringside token list --account {account}` shows those it has"
                )));
            }
        }
    }
    Ok(())
}

async fn known(store: &Store, account: &str) -> Result<(), Failure> {
    match accounts::find(store, account).await? {
        Some(_) => Ok(()),
        None => Err(Failure(format!("there is no account {account}; `ringside account list` shows them"))),
    }
}
