//! The table that calls look up.

use super::definition::{Definition, Target};
use super::load::{self, Finding, Referent};
use super::rest::Rest;
use crate::store::{Store, StoreError, slots};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rand::RngExt as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// Every slot, as it stands.
#[derive(Default)]
pub struct Slots {
    /// What calls read: nested slots written out, those of the API over those of the file.
    current: ArcSwap<BTreeMap<String, Arc<Definition>>>,
    parts: Mutex<Parts>,
    /// Which targets fail.
    pub rest: Rest,
}

#[derive(Default)]
struct Parts {
    file: BTreeMap<String, Definition>,
    pointed: BTreeMap<String, Definition>,
    /// What is wrong with the file that stands on the disk; the table is that of the last good one.
    findings: Vec<String>,
}

/// Where a slot comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    File,
    /// Re-pointed by the API.
    Api,
}

/// A slot as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub alias: String,
    pub source: Source,
    pub definition: Definition,
    /// What the file says of it, where it says something else.
    pub in_file: Option<Definition>,
}

impl Slots {
    /// What an alias stands for now.
    pub fn get(&self, alias: &str) -> Option<Arc<Definition>> {
        self.current.load().get(alias).cloned()
    }

    /// The targets that one call tries, in order: first those that do not rest.
    pub fn order(&self, definition: &Definition) -> Vec<String> {
        let order = definition.order(|total| rand::rng().random_range(0..total));
        if order.len() == 1 {
            return vec![order[0].to_owned()];
        }
        let now = Instant::now();
        let (resting, mut awake): (Vec<&str>, Vec<&str>) =
            order.into_iter().partition(|target| self.rest.rests(target, now));
        // The first is called for sure, so it is the one that may be a probe; another call may have
        // become that in between.
        if awake.first().is_some_and(|first| !self.rest.admits(first, now)) {
            awake.rotate_left(1);
        }
        awake.into_iter().chain(resting).map(str::to_owned).collect()
    }

    /// Takes a file's text in the place of the last one, or refuses it whole.
    ///
    /// # Errors
    /// What is wrong with it; the table stays.
    pub fn take_file(&self, file: &str, text: &str, referent: &Referent<'_>) -> Result<(), Vec<Finding>> {
        let read = load::read(file, text, referent);
        let mut parts = self.parts.lock();
        match read {
            Ok(slots) => {
                parts.file = slots;
                parts.findings.clear();
                self.publish(&parts);
                Ok(())
            }
            Err(findings) => {
                parts.findings = findings.iter().map(ToString::to_string).collect();
                Err(findings)
            }
        }
    }

    /// What is wrong with the file that stands on the disk.
    pub fn findings(&self) -> Vec<String> {
        self.parts.lock().findings.clone()
    }

    /// Says that the file on the disk is not the one that the table is made of.
    pub fn note_findings(&self, findings: Vec<String>) {
        self.parts.lock().findings = findings;
    }

    /// Takes the slots that were re-pointed, as they are stored.
    pub fn take_pointed(&self, pointed: BTreeMap<String, Definition>) {
        let mut parts = self.parts.lock();
        if parts.pointed != pointed {
            parts.pointed = pointed;
            self.publish(&parts);
        }
    }

    /// Takes the slots that were re-pointed, as they are stored now. One that can't be read is left out.
    ///
    /// # Errors
    /// [`StoreError`]; the table stays.
    pub async fn reload(&self, store: &Store) -> Result<(), StoreError> {
        let rows = slots::all(store).await?;
        let read = |row: slots::SlotRow| match serde_json::from_str(&row.definition) {
            Ok(definition) => Some((row.alias, definition)),
            Err(error) => {
                tracing::error!(%error, alias = row.alias, "a stored slot can't be read");
                None
            }
        };
        self.take_pointed(rows.into_iter().filter_map(read).collect());
        Ok(())
    }

    /// A definition with nested slots written out.
    ///
    /// # Errors
    /// What is wrong with a target.
    pub fn resolve(&self, alias: &str, definition: &Definition, referent: &Referent<'_>) -> Result<Definition, String> {
        let parts = self.parts.lock();
        let mut all = parts.file.clone();
        all.extend(parts.pointed.clone());
        let mut targets: Vec<Target> = Vec::new();
        for target in &definition.targets {
            load::flatten(target, &all, &mut vec![alias.to_owned()], referent, &mut targets)?;
        }
        Ok(Definition { targets, failover_on: definition.failover_on })
    }

    /// Every slot, by alias.
    pub fn list(&self) -> Vec<Listed> {
        let parts = self.parts.lock();
        let aliases: std::collections::BTreeSet<&String> = parts.file.keys().chain(parts.pointed.keys()).collect();
        let listed = aliases.into_iter().filter_map(|alias| {
            let (in_file, pointed) = (parts.file.get(alias), parts.pointed.get(alias));
            let (source, definition) = match (pointed, in_file) {
                (Some(pointed), _) => (Source::Api, pointed),
                (None, Some(in_file)) => (Source::File, in_file),
                (None, None) => return None,
            };
            let in_file = in_file.filter(|_| source == Source::Api).cloned();
            Some(Listed { alias: alias.clone(), source, definition: definition.clone(), in_file })
        });
        listed.collect()
    }

    fn publish(&self, parts: &Parts) {
        let all = parts.file.iter().chain(&parts.pointed);
        let table = all.map(|(alias, definition)| (alias.clone(), Arc::new(definition.clone()))).collect();
        self.current.store(Arc::new(table));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "it stands for a check that may fail")]
    fn good(_: &str) -> Result<(), String> {
        Ok(())
    }

    #[test]
    fn a_broken_file_is_refused_whole_and_the_last_good_table_stays() {
        let slots = Slots::default();
        slots.take_file("slots.yaml", "a: fc:x/1\nb: fc:x/2\n", &good).unwrap();
        assert!(slots.take_file("slots.yaml", "a: fc:x/9\nb: [\n", &good).is_err());
        assert_eq!(slots.get("a").unwrap().targets[0].target, "fc:x/1");
        assert_eq!(slots.findings().len(), 1);
        slots.take_file("slots.yaml", "a: fc:x/9\n", &good).unwrap();
        assert!(slots.get("b").is_none() && slots.findings().is_empty());
    }

    #[test]
    fn what_was_re_pointed_stands_over_the_file_until_it_is_taken_back() {
        let slots = Slots::default();
        slots.take_pointed([("a".to_owned(), Definition::to("fc:x/2"))].into());
        slots.take_file("slots.yaml", "a: fc:x/1\n", &good).unwrap();
        assert_eq!(slots.get("a").unwrap().targets[0].target, "fc:x/2");
        let listed = &slots.list()[0];
        assert_eq!((listed.source, &listed.in_file), (Source::Api, &Some(Definition::to("fc:x/1"))));
        slots.take_pointed(BTreeMap::new());
        assert_eq!(slots.get("a").unwrap().targets[0].target, "fc:x/1");
    }

    #[test]
    fn a_look_up_keeps_what_it_found() {
        let slots = Slots::default();
        slots.take_file("slots.yaml", "a: fc:x/1\n", &good).unwrap();
        let found = slots.get("a").unwrap();
        slots.take_file("slots.yaml", "a: fc:x/2\n", &good).unwrap();
        assert_eq!(found.targets[0].target, "fc:x/1");
    }

    #[test]
    fn targets_that_rest_are_tried_last() {
        let slots = Slots::default();
        slots.take_file("slots.yaml", "a: { targets: [fc:x/1, fc:x/2] }\n", &good).unwrap();
        let definition = slots.get("a").unwrap();
        assert_eq!(slots.order(&definition), ["fc:x/1", "fc:x/2"]);
        (0..3).for_each(|_| slots.rest.failed("fc:x/1", Instant::now()));
        assert_eq!(slots.order(&definition), ["fc:x/2", "fc:x/1"]);
    }
}
