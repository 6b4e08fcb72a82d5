//! The commands.

mod account;
mod backup;
mod catalogue;
mod check;
mod compare;
mod journal;
mod serve;
mod table;

use crate::adapter::{self, Provider};
use crate::config::{self, Environment, ProviderNames, Settings};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// An LLM gateway: one OpenAI-compatible API, every call attributed to your own customer and
/// billed exactly.
#[derive(Parser)]
#[command(name = "ringside", version, about, propagate_version = true)]
struct Arguments {
    /// Settings file [default: ringside.yaml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway (the default)
    Serve,
    /// Look for mistakes in specs, settings and prices without starting
    ///
    /// Prints every problem as file:line:column and exits with 1 if there is any. Without a file it
    /// checks the settings, the prices and, where there is a directory providers/, the specs in it.
    Check {
        /// Specs (providers/*.yaml), settings (ringside*.yaml) or prices (prices*.yaml)
        files: Vec<PathBuf>,
    },
    /// List the providers and the credentials they take
    Providers {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the catalogue of models
    Models {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Only this provider's
        #[arg(long, value_name = "PROVIDER")]
        provider: Option<String>,
        /// Print what a table of facts would change of the specs' own catalogue: models it adds,
        /// models it lacks, prices that differ
        #[arg(long, value_name = "FACTS.csv")]
        compare: Option<PathBuf>,
    },
    /// Make and list accounts
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Make, list and revoke tokens
    #[command(subcommand)]
    Token(account::TokenCommand),
    /// Print what the journal holds: calls and new customers that the database may not have yet
    ///
    /// A line of JSON for each entry, in their order: what it is (hold, usage or customer) and what it says. It only
    /// reads, and may be used while the gateway runs.
    Journal,
    /// Copy the database to a file while the gateway runs
    Backup {
        /// Where to; must not exist
        file: PathBuf,
    },
}

/// Reads the command line, runs the command, and says how it went.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let command = arguments.command.unwrap_or(Command::Serve);
    // `check` reports problems of settings itself.
    if let Command::Check { files } = command {
        return check::run(&files, arguments.config.as_deref());
    }
    let settings = match config::load(arguments.config.as_deref(), &Environment::of_process(), &provider_names()) {
        Ok(settings) => settings,
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            return ExitCode::from(2);
        }
    };
    let outcome = match command {
        Command::Serve => serve::run(settings),
        Command::Check { .. } => Ok(()),
        Command::Providers { json } => catalogue::providers(&settings, json),
        Command::Models { json, provider, compare: None } => catalogue::models(&settings, json, provider.as_deref()),
        Command::Models { compare: Some(facts), .. } => compare::run(&facts),
        Command::Account(command) => block_on(account::accounts(&settings, command)),
        Command::Token(command) => block_on(account::tokens(&settings, command)),
        Command::Journal => journal::run(&settings),
        Command::Backup { file } => block_on(backup::run(&settings, &file)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(message)) => {
            eprintln!("ringside: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Why a command could not do its work, for people.
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// The providers of the table as settings know them.
pub fn provider_names() -> Vec<ProviderNames> {
    adapter::generated::ALL.iter().copied().map(names).collect()
}

fn names(provider: &'static Provider) -> ProviderNames {
    let credentials = provider.credentials.iter().map(|credential| (credential.name, credential.env)).collect();
    ProviderNames { id: provider.id, credentials }
}

/// Whether everything that a provider needs is set.
fn configured(settings: &Settings, provider: &Provider) -> bool {
    provider
        .credentials
        .iter()
        .filter(|credential| credential.required())
        .all(|credential| has(settings, provider, credential.name))
        && (provider.transport != adapter::provider::Transport::Simulator || settings.sim)
}

fn has(settings: &Settings, provider: &Provider, credential: &str) -> bool {
    settings
        .providers
        .iter()
        .filter(|given| given.id == provider.id)
        .any(|given| given.credentials.iter().any(|(name, _)| *name == credential))
}
