//! The official JSON-Schema-Test-Suite, through what answers are held to.
//!
//! Each case's schema is compiled as that of a `response_format`, each instance is an answer. What we
//! say differently stands in `tests/json_schema/differences.txt`, a line each, with its reason; one
//! that is not listed fails, and so does a line that has no difference any more.

use crate::support::app::{TestApp, ask};
use ringside::gateway::Schemas;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const DRAFTS: [(&str, Option<&str>); 2] =
    [("draft7", Some("http://json-schema.org/draft-07/schema#")), ("draft2020-12", None)];
const DIFFERENCES: &str = include_str!("../json_schema/differences.txt");
/// Every so many cases go over HTTP as well.
const SAMPLED: usize = 12;

/// One instance, and whether it fits its schema.
struct Case {
    /// Draft, file, group and test, as the list of differences names them.
    name: String,
    schema: Value,
    instance: Value,
    valid: bool,
}

/// Where the suite is; `None` where it can't be had.
fn suite() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("json-schema-test-suite");
    let fetched = Command::new(root.join("tests/json_schema/fetch.sh")).arg(&directory).output();
    let problem = match fetched {
        Ok(output) if output.status.success() => return Some(directory),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("\n!!! SKIPPED: the JSON schema test suite could not be fetched: {problem} !!!\n");
    None
}

fn cases(suite: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for (draft, named) in DRAFTS {
        let mut files: Vec<PathBuf> = Vec::new();
        for folder in [suite.join(draft), suite.join(draft).join("optional")] {
            let entries =
                std::fs::read_dir(&folder).expect("a folder of the suite").flatten().map(|entry| entry.path());
            files.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")));
        }
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file).expect("a file of the suite");
            let groups: Vec<Value> = serde_json::from_str(&text).expect("the suite is JSON");
            let file = file.strip_prefix(suite.join(draft)).expect("it is below").with_extension("");
            for group in groups {
                let mut schema = group["schema"].clone();
                // The suite leaves old drafts to be known by their folder.
                if let (Some(named), Some(members)) = (named, schema.as_object_mut()) {
                    members.entry("$schema").or_insert_with(|| named.into());
                }
                for test in group["tests"].as_array().expect("tests") {
                    let names =
                        [&group["description"], &test["description"]].map(|name| name.as_str().expect("a name"));
                    cases.push(Case {
                        name: format!("{draft} | {} | {} | {}", file.display(), names[0], names[1]),
                        schema: schema.clone(),
                        instance: test["data"].clone(),
                        valid: test["valid"] == true,
                    });
                }
            }
        }
    }
    cases
}

/// What we say of a case.
fn said(schemas: &Schemas, case: &Case) -> &'static str {
    match schemas.get(&case.schema.to_string()) {
        Err(_) => "refused",
        Ok(schema) if schema.check(&case.instance).is_ok() => "fits",
        Ok(_) => "does not fit",
    }
}

fn expected(case: &Case) -> &'static str {
    if case.valid { "fits" } else { "does not fit" }
}

/// The list, by name: what we say, and why.
fn listed() -> BTreeMap<&'static str, &'static str> {
    let lines = DIFFERENCES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, rest) = line.rsplit_once(" => ").unwrap_or_else(|| panic!("no `=>` in: {line}"));
            let (said, reason) = rest.split_once(": ").unwrap_or_else(|| panic!("no reason in: {line}"));
            assert!(!reason.trim().is_empty(), "no reason in: {line}");
            (name, said)
        })
        .collect()
}

#[test]
fn the_official_suite_agrees_but_for_what_is_listed() {
    let Some(suite) = suite() else { return };
    let (cases, listed, schemas) = (cases(&suite), listed(), Schemas::default());
    assert!(cases.len() > 2_000, "only {} cases were read", cases.len());
    let (mut problems, mut met) = (Vec::new(), BTreeSet::new());
    let mut agreed = 0;
    for case in &cases {
        let said = said(&schemas, case);
        match listed.get(case.name.as_str()) {
            None if said == expected(case) => agreed += 1,
            None => problems.push(format!("{} => {said}: ?", case.name)),
            Some(_) if said == expected(case) => problems.push(format!("{}: no difference any more", case.name)),
            Some(known) if *known != said => problems.push(format!("{} => {said}, listed as {known}", case.name)),
            Some(_) => {}
        }
        met.insert(case.name.as_str());
    }
    problems.extend(listed.keys().filter(|name| !met.contains(*name)).map(|name| format!("{name}: no such case")));
    println!("{agreed} of {} cases agree, {} differences are listed", cases.len(), listed.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// The same over HTTP: the simulator answers with the instance, in one piece.
#[tokio::test]
async fn a_sample_of_the_suite_agrees_over_http() {
    let Some(suite) = suite() else { return };
    let (app, schemas) = (TestApp::start().await, Schemas::default());
    let mut seen = BTreeMap::new();
    for case in cases(&suite).iter().filter(|case| case.schema.is_object()).step_by(SAMPLED) {
        // A root that is no object is asked for within one.
        let wrapped = case.schema["type"] != "object";
        let answer = if wrapped { json!({"value": case.instance}) } else { case.instance.clone() };
        let mut body = ask("fc:sim/echo", &answer.to_string());
        body["response_format"] =
            json!({"type": "json_schema", "json_schema": {"name": "case", "schema": case.schema}});
        let reply = app.chat(&body).await;
        let want = match said(&schemas, case) {
            "fits" => 200,
            "refused" => 400,
            _ => 422,
        };
        assert_eq!(reply.status, want, "{}: {}", case.name, reply.text());
        if want == 200 {
            let text = reply.json()["choices"][0]["message"]["content"].as_str().expect("a text").to_owned();
            assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), case.instance, "{}", case.name);
        }
        *seen.entry(want).or_insert(0) += 1;
    }
    println!("{seen:?}");
    assert!(seen.get(&200) > Some(&50) && seen.get(&422) > Some(&50), "{seen:?}");
    app.stop().await;
}
