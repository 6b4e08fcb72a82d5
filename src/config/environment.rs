//! The environment: overrides of settings, base URLs and credentials of providers.

use super::{Problem, ProviderNames, Secret, Settings, file, table, value};
use std::collections::BTreeMap;

const PREFIX: &str = "RINGSIDE_";
const BASE_URL: &str = "_BASE_URL";

/// The environment as it was at the start.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the process's environment. Variables that are not UTF-8 can't be settings of ours.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable, unless it is empty.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

pub(super) fn apply(
    settings: &mut Settings,
    environment: &Environment,
    providers: &[ProviderNames],
    problems: &mut Vec<Problem>,
) {
    for (name, text) in &environment.0 {
        if !name.starts_with(PREFIX) || text.is_empty() || from_kubernetes(name) {
            continue;
        }
        if let Err(message) = one(settings, name, text) {
            problems.push(Problem { place: name.clone(), message });
        }
    }
    for (names, provider) in providers.iter().zip(&mut settings.providers) {
        for (credential, variables) in &names.credentials {
            if let Some(text) = variables.iter().find_map(|variable| environment.get(variable)) {
                provider.credentials.push((credential, Secret::new(text)));
            }
        }
    }
}

/// Kubernetes sets `<SERVICE>_SERVICE_HOST`, `<SERVICE>_PORT_…` for every service, and a service
/// that is called `ringside` must not keep Ringside from starting.
fn from_kubernetes(name: &str) -> bool {
    name.starts_with("RINGSIDE_SERVICE_") || name == "RINGSIDE_PORT" || name.starts_with("RINGSIDE_PORT_")
}

fn one(settings: &mut Settings, name: &str, text: &str) -> Result<(), String> {
    if let Some(setting) = table::TABLE.iter().find(|setting| setting.env == name) {
        return setting.set(settings, text);
    }
    if let Some(provider) = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(BASE_URL)) {
        return set_base_url(settings, &provider.to_lowercase(), text);
    }
    let known = table::TABLE.iter().map(|setting| setting.env);
    Err(format!("no such setting{}; docs/configuration.md lists them", file::meant(name, known)))
}

/// Sets a provider's base URL.
pub(super) fn set_base_url(settings: &mut Settings, provider: &str, text: &str) -> Result<(), String> {
    let url = value::base_url(text)
        .ok_or("expected an http or https URL such as https://proxy.example/openai, without credentials or query")?;
    let known: Vec<&str> = settings.providers.iter().map(|provider| provider.id).collect();
    match settings.providers.iter_mut().find(|candidate| candidate.id == provider) {
        Some(provider) => {
            provider.base_url = Some(url);
            Ok(())
        }
        None => Err(format!("no provider is called \"{provider}\"{}", file::meant(provider, known.into_iter()))),
    }
}
