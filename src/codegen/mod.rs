//! The spec compiler: provider YAML in, Rust source out.
//!
//! It imports nothing of the crate: `build.rs` includes it by path, and the library holds it as a
//! module, so that `ringside check` and a build say the same. [`compile`] is the whole of it:
//! files are read to nodes that know their places ([`node`]), laid over what they extend
//! ([`chain`]), read as a spec ([`spec`], through [`checker`]), and their mappings compiled ([`request`], [`reply`])
//! against the closed lists of [`vocab`] and [`members`]. Every problem of every file is found in one run.

mod chain;
pub mod checker;
mod emit;
pub mod members;
pub mod node;
pub mod price;
pub mod problem;
mod reply;
mod request;
pub mod spec;
pub mod vocab;

pub use problem::Problem;

use chain::Chain;
use node::Node;
use problem::Place;
use quote::quote;
use std::collections::BTreeMap;
use std::path::Path;

/// Names a provider may not have: `slot` is the other kind of reference, the rest are Rust's.
const RESERVED: &[&str] = &["slot", "self", "super", "crate", "type", "mod", "fn", "use", "match", "ref", "static"];

/// Reads `*.yaml` of a folder: the display path and the text of each, by provider id.
///
/// # Errors
/// What could not be read.
pub fn read_dir(folder: &Path) -> Result<BTreeMap<String, (String, String)>, Vec<Problem>> {
    let failed = |path: &Path, error: std::io::Error| {
        let at = Place { file: path.display().to_string().into(), line: 1, column: 1 };
        vec![Problem::new(at, format!("can't be read: {error}"))]
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let path = entry.map_err(|error| failed(folder, error))?.path();
        let Some(id) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
            files.insert(id.to_owned(), (path.display().to_string(), text));
        }
    }
    Ok(files)
}

/// Compiles specs (display path and text, by provider id) to the source of `adapter::generated`.
///
/// # Errors
/// Everything that is wrong with any of them, in the order of the files.
pub fn compile(files: &BTreeMap<String, (String, String)>) -> Result<String, Vec<Problem>> {
    let (mut specs, mut problems) = (BTreeMap::new(), Vec::new());
    for (id, (path, text)) in files {
        match Node::parse(path, text) {
            Ok(node) => {
                specs.insert(id.clone(), node);
            }
            Err(problem) => problems.push(problem),
        }
        let word = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !word || RESERVED.contains(&id.as_str()) {
            let at = Place { file: path.as_str().into(), line: 1, column: 1 };
            problems.push(Problem::new(at, "a spec's file name is its provider's id: lower-case letters and digits"));
        }
    }
    let (mut modules, mut ids) = (Vec::new(), Vec::new());
    for id in specs.keys() {
        match Chain::new(id, &specs).map_err(|problem| vec![problem]).and_then(|chain| emit::module(&chain)) {
            Ok(code) if problems.is_empty() => {
                let name = emit::module_name(id);
                modules.push(quote!(
                    pub mod #name {
                        use super::*;
                        #code
                    }
                ));
                ids.push(name);
            }
            Ok(_) => {}
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        // A child repeats what is wrong with its parent.
        problems.sort();
        problems.dedup();
        return Err(problems);
    }
    let code = quote!(
        use super::{json::Json, parse, pass, provider::Provider, reply::*, view};
        #(#modules)*
        /// Every provider, by id.
        pub static ALL: &[&Provider] = &[#(&#ids::PROVIDER),*];
    );
    let file = match syn::parse2(code) {
        Ok(file) => file,
        Err(error) => {
            let at = Place { file: "providers".into(), line: 1, column: 1 };
            return Err(vec![Problem::new(
                at,
                format!("the compiler made code that is not Rust ({error}): report this"),
            )]);
        }
    };
    Ok(format!("// Generated from providers/*.yaml by build.rs.\n{}", prettyplease::unparse(&file)))
}
