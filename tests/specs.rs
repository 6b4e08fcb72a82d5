//! The spec compiler on specs that are made for it: what is wrong is said, all of it and where;
//! what is right compiles to the code that stands beside it, and the reference tells the truth.

#[path = "specs/reference.rs"]
mod reference;
#[path = "specs/schema.rs"]
mod schema;

use ringside::codegen::{Problem, compile};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Display path and text, by id.
type Files = BTreeMap<String, (String, String)>;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The specs of a folder, shown by their file names alone.
fn specs(name: &str) -> Files {
    let entries = std::fs::read_dir(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let yaml =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "yaml"));
    let one = |path: PathBuf| {
        let id = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (id.clone(), (format!("{id}.yaml"), read(&path)))
    };
    yaml.map(one).collect()
}

fn base() -> (String, (String, String)) {
    ("base".to_owned(), ("base.yaml".to_owned(), read(&folder("tests/specs/base.yaml"))))
}

#[test]
fn the_base_of_the_bad_ones_is_good() {
    compile(&Files::from([base()])).unwrap_or_else(|problems| panic!("{problems:?}"));
}

/// One snapshot each, beside the spec: what a person reads who made the mistake.
#[test]
fn every_mistake_is_told_where_it_is_and_how_to_mend_it() {
    let bad = specs("tests/specs/bad");
    assert!(bad.len() >= 40, "only {}", bad.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder("tests/specs/bad"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (id, file) in bad {
        let lines: Vec<String> = file.1.lines().map(str::to_owned).collect();
        let name = file.0.clone();
        let Err(problems) = compile(&Files::from([base(), (id.clone(), file)])) else {
            panic!("{name} compiles");
        };
        for problem in &problems {
            assert_eq!(&*problem.at.file, name, "{problem}");
            let line = lines.get(problem.at.line - 1).unwrap_or_else(|| panic!("{problem}: there is no such line"));
            assert!(problem.at.column <= line.chars().count() + 1, "{problem}: there is no such column");
        }
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        settings.bind(|| insta::assert_snapshot!(id, told.join("\n")));
    }
}

/// A build says everything at once: a person mends all files in one go.
#[test]
fn the_problems_of_all_files_are_told_in_one_run() {
    let bad = specs("tests/specs/bad");
    let mut all = bad.clone();
    all.extend([base()]);
    let problems = compile(&all).expect_err("they are bad");
    let told = |id: &str| problems.iter().any(|problem: &Problem| problem.at.file.starts_with(id));
    let silent: Vec<&String> = bad.keys().filter(|id| !told(id)).collect();
    assert!(silent.is_empty(), "nothing is said of {silent:?}");
    assert!(problems.is_sorted(), "the problems of a file stand together");
}

#[test]
fn a_file_name_that_is_no_provider_is_told() {
    let (_, (_, text)) = base();
    for id in ["slot", "Acme", "my-provider", "1st"] {
        let files = Files::from([(id.to_owned(), (format!("{id}.yaml"), text.clone()))]);
        let problems = compile(&files).expect_err("a bad name");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

/// `tests/made_up.rs` compiles that code and talks through it.
#[test]
fn specs_become_the_code_that_stands_beside_them() {
    let code = compile(&specs("tests/specs/good")).unwrap_or_else(|problems| panic!("{problems:?}"));
    let file = folder("tests/specs/good/generated.txt");
    if code != read(&file) {
        let new = file.with_extension("txt.new");
        std::fs::write(&new, code).expect("writable");
        panic!(
            "the code has changed: look at {}, and if it is right, let it replace {}",
            new.display(),
            file.display()
        );
    }
}
