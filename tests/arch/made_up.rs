//! Every rule on made-up sources: what must be found is found, what is fine is not.

use super::files::Tree;
use super::{rooms, rules};

/// Exactly `expected` complaints, the first of which holds `word`.
#[track_caller]
fn finds(complaints: &[String], expected: usize, word: &str) {
    assert_eq!(complaints.len(), expected, "\n{}\n", complaints.join("\n"));
    assert!(complaints.iter().all(|complaint| complaint.contains(word)), "{word}: {complaints:?}");
}

fn one(path: &str, text: &str) -> Tree {
    Tree::made_up(&[(path, text)])
}

#[test]
fn an_upward_import_is_found() {
    let tree = Tree::made_up(&[
        ("src/http/mod.rs", "use crate::gateway::run;"),
        ("src/gateway/mod.rs", "use crate::{money::Rate, http::{router, error::Error}};"),
        ("src/money.rs", ""),
    ]);
    finds(&rooms::against_the_order(&tree), 2, "`gateway` may not import `http`");
}

#[test]
fn an_inline_path_a_super_and_a_macro_are_seen() {
    let tree = Tree::made_up(&[
        ("src/store/mod.rs", "fn f() { crate::gateway::run() }"),
        ("src/store/entity/call.rs", "use super::super::super::gateway::Call;"),
        ("src/store/journal.rs", "fn f() { println!(\"{}\", super::super::gateway::X) }"),
        ("src/gateway/mod.rs", ""),
    ]);
    finds(&rooms::against_the_order(&tree), 3, "`store` may not import `gateway`");
}

#[test]
fn paths_of_generated_code_are_not_the_generators() {
    let text = "fn f() { quote!(use crate::gateway::*; crate::x::y()); }";
    let tree = Tree::made_up(&[("src/codegen/emit.rs", text), ("src/gateway/mod.rs", "")]);
    finds(&rooms::against_the_order(&tree), 0, "");
}

#[test]
fn an_import_of_the_same_level_is_found() {
    let tree = Tree::made_up(&[("src/billing/mod.rs", "use crate::access::Caller;"), ("src/access/mod.rs", "")]);
    finds(&rooms::against_the_order(&tree), 1, "does not lie below");
}

#[test]
fn reserved_rooms_are_kept() {
    let tree = Tree::made_up(&[
        ("src/gateway/mod.rs", "use crate::{config::Settings, store::Store};"),
        ("src/codegen/mod.rs", "use crate::money::Rate;"),
        ("src/app.rs", "use crate::{config::Settings, store::Store};"),
        ("src/config.rs", ""),
        ("src/store.rs", ""),
        ("src/money.rs", ""),
    ]);
    assert_eq!(rooms::against_the_order(&tree).len(), 3);
}

#[test]
fn imports_of_tests_and_comments_are_free() {
    let tree = Tree::made_up(&[
        (
            "src/money.rs",
            "// crate::http\n/// crate::http\n#[cfg(test)]\nmod tests { use crate::http::x; }\nuse super::http_like::x;",
        ),
        ("src/http.rs", "use crate::money::Rate;"),
        ("src/main.rs", "fn main() { ringside::http::run() }"),
    ]);
    finds(&rooms::against_the_order(&tree), 0, "");
}

#[test]
fn a_circle_is_found() {
    let tree = Tree::made_up(&[
        ("src/a.rs", "use crate::b::B;"),
        ("src/b.rs", "use crate::c::C;"),
        ("src/c/mod.rs", "use super::a::A;"),
        ("src/d.rs", "use crate::a::A;"),
    ]);
    finds(&rooms::circles(&tree), 1, "a → b → c → a");
}

#[test]
fn an_unknown_room_is_found() {
    finds(&rooms::unplaced(&one("src/helpers.rs", "")), 1, "src/helpers");
}

#[test]
fn a_providers_name_is_found() {
    let text = "fn groq_quirk() {} struct AnthropicBlock; const X: &str = \"api.mistral.ai\"; fn google() {}";
    finds(&rules::provider_names(&one("src/adapter/x.rs", text)), 4, "is a provider");
    let spec = Tree::made_up(&[("providers/newcomer.yaml", ""), ("src/x.rs", "const NEWCOMER: u8 = 1;")]);
    finds(&rules::provider_names(&spec), 1, "newcomer");
}

#[test]
fn dialect_simulator_english_comments_and_tests_are_no_names() {
    let text = "// groq\n/// anthropic\nfn openai_sim() {} const HOST: &str = \"metadata.google.internal\"; \
                #[cfg(test)] mod tests { const A: &str = \"groq\"; }\n#[test]\nfn groq() {}\nfn altogether_simple() {}";
    finds(&rules::provider_names(&one("src/adapter/x.rs", text)), 0, "");
}

#[test]
fn libraries_outside_their_rooms_are_found() {
    for text in [
        "use sea_orm::EntityTrait;",
        "use reqwest::Client;",
        "use std::{fs, env};",
        "fn f() { std::env::var(\"X\"); }",
        "use std::time::{Duration, SystemTime};",
        "fn f() { time::OffsetDateTime::now_utc(); }",
    ] {
        finds(&rules::confined(&one("src/http/x.rs", text)), 1, "src/http/x.rs");
    }
    let fine = Tree::made_up(&[
        ("src/store/x.rs", "use sea_orm::EntityTrait;"),
        ("src/upstream/x.rs", "use reqwest::Client; use std::time::Instant;"),
        ("src/config/mod.rs", "use std::env;"),
        ("src/clock.rs", "use std::time::SystemTime;"),
    ]);
    finds(&rules::confined(&fine), 0, "");
}

#[test]
fn a_long_file_is_found() {
    finds(&rules::long_files(&one("tests/x.rs", &"\n".repeat(601))), 1, "601 lines");
    finds(&rules::long_files(&one("src/x.rs", &"\n".repeat(600))), 0, "");
}

#[test]
fn silencing_is_found() {
    let text = "#![allow(dead_code)]\n#[test]\n#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\nfn b() {}\n\
                #[cfg_attr(test, allow(unused))]\nfn c() {}\n#[cfg(test)] mod t { #[allow(unused)] fn d() {} }";
    finds(&rules::silenced(&one("src/x.rs", text)), 5, "silences");
    let fine = "#[expect(clippy::all, reason = \"the rule does not allow it\")]\nfn allow() { ignore() }";
    finds(&rules::silenced(&one("src/x.rs", fine)), 0, "");
}

#[test]
fn a_dead_link_is_found() {
    let text =
        "[a](gone.md) [b](../README.md#part) [c](https://x/y) [d](#here) `[e](code.md)`\n```\n[f](fenced.md)\n```";
    let tree = Tree::made_up(&[("docs/x.md", text), ("README.md", "[docs](docs/)")]);
    finds(&rules::dead_links(&tree), 1, "gone.md");
}

#[test]
fn a_path_of_a_machine_is_found() {
    let bad = concat!("cd /wo", "rk/main\n", "\"/ro", "ot/.cargo\"\nsee https://x.org/ho", "me/\n${HOME}/ho", "me/x");
    finds(&rules::machine_paths(&one("docs/x.md", bad)), 2, "one machine");
}

#[test]
fn a_provider_without_companions_is_found() {
    finds(&rules::provider_companions(&one("providers/x.yaml", "name: X")), 2, "providers/x.yaml");
    let fine = Tree::made_up(&[("providers/x.yaml", "docs: https://x.org"), ("tests/providers/x/chat.json", "{}")]);
    finds(&rules::provider_companions(&fine), 0, "");
}
