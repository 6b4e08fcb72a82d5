//! `ringside providers` and `ringside models`.

use super::{Failure, configured, has, table};
use crate::adapter::generated::ALL;
use crate::billing::{PriceBook, PriceFile};
use crate::clock::Clock;
use crate::codegen::Problem;
use crate::config::Settings;
use crate::gateway::models;
use crate::wire::model::Model;
use serde::Serialize;

#[derive(Serialize)]
struct ProviderRow {
    id: &'static str,
    name: &'static str,
    configured: bool,
    models: usize,
    credentials: Vec<CredentialRow>,
    docs: &'static str,
}

#[derive(Serialize)]
struct CredentialRow {
    env: &'static [&'static str],
    optional: bool,
    set: bool,
}

/// Prints every provider.
pub fn providers(settings: &Settings, json: bool) -> Result<(), Failure> {
    let rows: Vec<ProviderRow> = ALL
        .iter()
        .map(|provider| ProviderRow {
            id: provider.id,
            name: provider.name,
            configured: configured(settings, provider),
            models: provider.models.len(),
            credentials: provider
                .credentials
                .iter()
                .map(|credential| CredentialRow {
                    env: credential.env,
                    optional: !credential.required(),
                    set: has(settings, provider, credential.name),
                })
                .collect(),
            docs: provider.docs,
        })
        .collect();
    table::print(json, &["id", "name", "configured", "models", "credentials"], &rows, |row| {
        let credentials = row.credentials.iter().map(|credential| {
            let mark = if credential.set {
                " (set)"
            } else if credential.optional {
                " (optional)"
            } else {
                ""
            };
            format!("{}{mark}", credential.env.join(" or "))
        });
        let credentials: Vec<String> = credentials.collect();
        let yes = if row.configured { "yes" } else { "no" };
        vec![row.id.to_owned(), row.name.to_owned(), yes.to_owned(), row.models.to_string(), credentials.join(", ")]
    })?;
    Ok(())
}

/// Prints the catalogue, with the prices of now.
pub fn models(settings: &Settings, json: bool, only: Option<&str>) -> Result<(), Failure> {
    if let Some(only) = only
        && !ALL.iter().any(|provider| provider.id == only)
    {
        let meant = crate::near::nearest(only, ALL.iter().map(|provider| provider.id));
        let meant = meant.map(|meant| format!(", did you mean {meant}?")).unwrap_or_default();
        return Err(Failure(format!("there is no provider {only}{meant}")));
    }
    let clock = Clock::of_machine();
    let prices = PriceBook::of_specs(ALL, clock.clone());
    prices.replace(PriceFile::open(&settings.prices, ALL).map_err(|problems| Failure(lines(&problems)))?);
    let rows: Vec<_> = ALL
        .iter()
        .filter(|provider| only.is_none_or(|only| provider.id == only))
        .flat_map(|provider| models::of(provider, &prices, clock.now()))
        .collect();
    table::print(json, &["model", "kind", "context", "max output", "input", "output", "ends"], &rows, |row| {
        let number = |value: Option<u32>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        vec![
            row.id.clone(),
            row.kind.to_owned(),
            number(row.context_window),
            number(row.max_output_tokens),
            rate(row, "input"),
            rate(row, "output"),
            row.ends.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    })?;
    Ok(())
}

fn rate(row: &Model, name: &str) -> String {
    row.pricing.rate(name).map_or_else(|| "-".to_owned(), |rate| rate.to_string())
}

/// Problems as text, one a line.
pub fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
