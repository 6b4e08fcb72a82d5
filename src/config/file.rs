//! `ringside.yaml`: names to rows of the table, problems to lines and columns.

use super::{Problem, Settings, environment, table};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_yaml::Value;
use std::fmt;
use std::path::Path;

/// Puts the file's settings in place and notes every problem with its line and column.
pub(super) fn apply(settings: &mut Settings, path: &Path, text: &str, problems: &mut Vec<Problem>) {
    let mut report = |at: &[&str], message: String| {
        let (line, column) = locate(text, at).unwrap_or((1, 1));
        problems.push(Problem { place: format!("{}:{line}:{column}", path.display()), message });
    };
    let tree = match serde_yaml::from_str::<Value>(text) {
        Ok(Value::Null) => return,
        Ok(Value::Mapping(map)) => map,
        Ok(_) => return report(&[], "expected settings as `name: value`".to_owned()),
        Err(error) => {
            let (line, column) = error.location().map_or((1, 1), |place| (place.line(), place.column()));
            problems.push(Problem { place: format!("{}:{line}:{column}", path.display()), message: error.to_string() });
            return;
        }
    };
    for (key, node) in &tree {
        let Some(key) = key.as_str() else {
            report(&[], "expected names of settings as keys".to_owned());
            continue;
        };
        match node {
            Value::Mapping(group) => {
                for (inner, leaf) in group {
                    let inner = inner.as_str().unwrap_or_default();
                    let outcome = if key == "base_urls" {
                        scalar(leaf).and_then(|text| environment::set_base_url(settings, inner, &text))
                    } else {
                        one(settings, &format!("{key}.{inner}"), leaf)
                    };
                    if let Err(message) = outcome {
                        report(&[key, inner], message);
                    }
                }
            }
            leaf => {
                if let Err(message) = one(settings, key, leaf) {
                    report(&[key], message);
                }
            }
        }
    }
}

fn one(settings: &mut Settings, name: &str, leaf: &Value) -> Result<(), String> {
    let Some(setting) = table::find(name) else {
        if name == "base_urls"
            || table::TABLE.iter().any(|setting| setting.name.split_once('.').is_some_and(|(group, _)| group == name))
        {
            return Err(format!("expected settings below `{name}:`"));
        }
        let known = table::TABLE.iter().map(|setting| setting.name);
        return Err(format!("no such setting \"{name}\"{}; docs/configuration.md lists them", meant(name, known)));
    };
    if leaf.is_null() {
        return Ok(());
    }
    setting.set(settings, &scalar(leaf)?)
}

/// The text of a scalar; a list of scalars with commas between them.
fn scalar(leaf: &Value) -> Result<String, String> {
    match leaf {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(yes) => Ok(yes.to_string()),
        Value::Sequence(items) => {
            let items: Result<Vec<String>, String> = items.iter().map(scalar).collect();
            Ok(items?.join(","))
        }
        Value::Null | Value::Mapping(_) | Value::Tagged(_) => Err("expected one value".to_owned()),
    }
}

/// `; did you mean …?`, when a known name is near.
pub(super) fn meant<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> String {
    crate::near::nearest(given, known).map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

/// Line and column of the value at `path`: the YAML reader knows positions only while it reads,
/// so the text is read again up to that value and fails there.
fn locate(text: &str, path: &[&str]) -> Option<(usize, usize)> {
    let error = At(path).deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    error.location().map(|place| (place.line(), place.column()))
}

struct At<'p>(&'p [&'p str]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.0.is_empty() { Err(D::Error::custom("here")) } else { deserializer.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Value>()? {
            if self.0.first().is_some_and(|wanted| key.as_str() == Some(wanted)) {
                return map.next_value_seed(Here(&self.0[1..]));
            }
            map.next_value::<serde::de::IgnoredAny>()?;
        }
        Ok(())
    }
}

/// The value to stop at, or the way to it.
struct Here<'p>(&'p [&'p str]);

impl<'de> DeserializeSeed<'de> for Here<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.0.is_empty() { deserializer.deserialize_any(Stop) } else { deserializer.deserialize_any(At(self.0)) }
    }
}

/// Fails on whatever it meets, which gives the error that value's position.
struct Stop;

macro_rules! stop {
    ($($visit:ident: $kind:ty),*) => {
        $(fn $visit<E: serde::de::Error>(self, _: $kind) -> Result<(), E> { Err(E::custom("here")) })*
    };
}

impl<'de> Visitor<'de> for Stop {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    stop!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Err(E::custom("here"))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("here"))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Environment, ProviderNames};

    fn problems(text: &str) -> Vec<String> {
        let providers = [ProviderNames { id: "openai", credentials: vec![("api_key", &["OPENAI_API_KEY"])] }];
        config::check_file(Path::new("ringside.yaml"), text, &providers).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_unknown_setting_is_named_with_its_place() {
        assert_eq!(
            problems("listen: 127.0.0.1:1\nlisten_on: 127.0.0.1:2\n"),
            [
                "ringside.yaml:2:12: no such setting \"listen_on\", did you mean `listen`?; docs/configuration.md lists them"
            ]
        );
    }

    #[test]
    fn a_bad_value_says_what_was_expected() {
        assert_eq!(
            problems("sim: on\nlimits:\n  headers: 50\n  body: lots\n"),
            ["ringside.yaml:4:9: expected a size such as 64KiB, 20MiB or a number of bytes, found \"lots\""]
        );
    }

    #[test]
    fn every_problem_is_reported_at_once_and_secrets_are_not_repeated() {
        let found = problems("admin_token: hunter2\nsignup: maybe\nlimits: 3\nbase_urls: { opnai: 'http://x' }\n");
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(!found.iter().any(|problem| problem.contains("hunter2")));
        assert!(found[3].contains("did you mean `openai`?"), "{found:#?}");
    }

    #[test]
    fn broken_yaml_has_a_place() {
        let found = problems("listen: [\n");
        assert!(found[0].starts_with("ringside.yaml:"), "{found:?}");
        assert_eq!(problems("- a\n")[0], "ringside.yaml:1:1: expected settings as `name: value`");
    }

    #[test]
    fn lists_and_nothing_are_fine() {
        assert_eq!(problems(""), [] as [&str; 0]);
        assert_eq!(problems("trusted_proxies: [10.0.0.0/8, 192.168.0.1]\nadmin_listen: ~\n"), [] as [&str; 0]);
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.yaml");
        std::fs::write(&path, "limits: { body: 1MiB }\nsim: off\n").unwrap();
        let variables = [
            ("RINGSIDE_LIMITS_BODY", "2MiB"),
            ("RINGSIDE_OPENAI_BASE_URL", "http://127.0.0.1:9/prefix/"),
            ("OPENAI_API_KEY", "sk-1"),
            ("RINGSIDE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("RINGSIDE_ADMIN_TOKEN", ""),
        ];
        let environment: Environment =
            variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let providers = [ProviderNames { id: "openai", credentials: vec![("api_key", &["OPENAI_API_KEY"])] }];
        let settings = config::load(Some(&path), &environment, &providers).unwrap();
        assert_eq!(settings.limits.body, 2 << 20);
        assert!(!settings.sim);
        assert_eq!(settings.providers[0].base_url.as_deref(), Some("http://127.0.0.1:9/prefix"));
        assert_eq!(settings.providers[0].credentials[0].1.expose(), "sk-1");
    }

    #[test]
    fn a_bad_variable_is_named() {
        let environment: Environment =
            [("RINGSIDE_LISTN", "x"), ("RINGSIDE_SIM", "perhaps"), ("RINGSIDE_NOBODY_BASE_URL", "http://x")]
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.yaml");
        std::fs::write(&path, "").unwrap();
        let found: Vec<String> =
            config::load(Some(&path), &environment, &[]).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[0].starts_with("RINGSIDE_LISTN: no such setting, did you mean `RINGSIDE_LISTEN`?"), "{found:#?}");
        assert!(found[2].starts_with("RINGSIDE_SIM: expected on or off"), "{found:#?}");
    }
}
