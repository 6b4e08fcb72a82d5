//! `providers/README.md` is the language's reference: its tables are those of the compiler, and
//! what it tells a newcomer to do works.

use super::{Files, folder, read};
use ringside::codegen::compile;
use ringside::codegen::members::{self, Member};
use ringside::codegen::vocab::{ERROR_KINDS, FINISH_REASONS, Kind, SCOPES, SINKS, UNIONS, scope};
use std::fmt::Write as _;

fn readme() -> String {
    read(&folder("providers/README.md"))
}

fn table(out: &mut String, heads: [&str; 2], rows: impl IntoIterator<Item = (String, String)>) {
    let _ = write!(out, "| {} | {} |\n|---|---|\n", heads[0], heads[1]);
    for (name, about) in rows {
        let _ = writeln!(out, "| {name} | {about} |");
    }
    out.push('\n');
}

fn members_of(out: &mut String, of: &str, members: &[Member]) {
    let rows = members.iter().map(|member| (format!("`{}`", member.name), member.about.to_owned()));
    table(out, [of, "what it is"], rows);
}

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What is known of a source beside its meaning.
fn kind(kind: Kind) -> String {
    match kind {
        Kind::List(inner) | Kind::Picked(inner) => match scope(inner) {
            [] => "; a list".to_owned(),
            _ => format!("; a list, each with the sources of `{inner}`"),
        },
        Kind::Union(union) | Kind::OptionalUnion(union) | Kind::Itself(union) => format!("; `$by` ({union})"),
        Kind::Flag => "; for `$if` and `$unless` only".to_owned(),
        Kind::OptionalText
        | Kind::OptionalBool
        | Kind::OptionalInteger
        | Kind::OptionalFloat
        | Kind::OptionalRaw
        | Kind::OptionalWord
        | Kind::OptionalMade
        | Kind::Strings => "; may be absent".to_owned(),
        Kind::Text | Kind::Made | Kind::Bool | Kind::Integer | Kind::Raw => String::new(),
    }
}

/// The reference as the compiler would write it.
fn reference() -> String {
    let mut out = String::from("\n");
    let maps = [
        ("a spec", members::SPEC),
        ("a credential", members::CREDENTIAL),
        ("`aws-sigv4`", members::SIGV4),
        ("`chat`", members::CHAT),
        ("`schema_subset`", members::SCHEMA_SUBSET),
        ("`submit`", members::SUBMIT),
        ("`stream`", members::STREAM),
        ("`embeddings`, `moderations`", members::PLAIN),
        ("`errors`", members::ERRORS),
        ("an error rule", members::RULE),
        ("a model", members::MODEL),
        ("a price", members::PRICE),
    ];
    out.push_str("### Members\n\n");
    for (of, members) in maps {
        members_of(&mut out, of, members);
    }
    let of = "a block of other rates, beside rates and `above`, `at_least`, `tiers`, `hours`";
    members_of(&mut out, of, members::DIFFERING);
    let rows = members::RATES.iter().map(|rate| {
        let follows = rate.follows.first().map_or(String::new(), |other| format!("; without it, as `{other}`"));
        (format!("`{}`", rate.name), format!("{}{follows}", rate.about))
    });
    table(&mut out, ["a rate", "what it is"], rows);
    let _ = writeln!(out, "An error `is` one of: {}.\n", words(ERROR_KINDS.iter().map(|(word, _)| *word)));
    let _ = writeln!(out, "A finish reason is one of: {}.\n", words(FINISH_REASONS.iter().copied()));
    let _ = writeln!(out, "A model `can`: {}.\n", words(members::CAPABILITIES.iter().copied()));
    out.push_str("### Directives of a request\n\n");
    members_of(&mut out, "directive", members::DIRECTIVES);
    out.push_str("### Sources\n\n`$raw.name` is any other member of the caller's request.\n\n");
    for (name, sources) in SCOPES.iter().filter(|(_, sources)| !sources.is_empty()) {
        let rows = sources.iter().map(|it| (format!("`${}`", it.name), format!("{}{}", it.about, kind(it.kind))));
        table(&mut out, [&format!("in `{name}`"), "what it holds"], rows);
    }
    out.push_str("### Unions\n\n");
    let rows = UNIONS.iter().map(|(name, variants)| {
        let variants = variants.iter().map(|variant| match variant.scope {
            "" => format!("`{}`", variant.name),
            scope => format!("`{}` (sources of `{scope}`)", variant.name),
        });
        ((*name).to_owned(), variants.collect::<Vec<_>>().join(", "))
    });
    table(&mut out, ["union", "variants"], rows);
    out.push_str("### Directives of a reply\n\n");
    members_of(&mut out, "directive", members::REPLY_DIRECTIVES);
    out.push_str("### Sinks\n\n");
    let rows = SINKS.iter().map(|sink| {
        let named: Vec<&str> = sink.parameters.iter().map(|one| one.name).filter(|name| !name.is_empty()).collect();
        let parameters = if named.is_empty() { "a `$path`".to_owned() } else { words(named) };
        (format!("`{}`", sink.name), format!("{}; takes {parameters}", sink.about))
    });
    table(&mut out, ["sink", "what it does"], rows);
    out
}

#[test]
fn its_tables_are_the_compilers() {
    let readme = readme();
    let (begin, end) = ("<!-- reference -->\n", "<!-- end of the reference -->");
    let (before, rest) = readme.split_once(begin).expect("a beginning of the reference");
    let (written, after) = rest.split_once(end).expect("an end of the reference");
    let wanted = reference();
    if written != wanted {
        let new = folder("providers/README.md.new");
        std::fs::write(&new, format!("{before}{begin}{wanted}{end}{after}")).expect("writable");
        panic!("the language has changed: look at {}, and if it is right, let it replace the reference", new.display());
    }
}

/// The specs shown under the headline, in order.
fn shown() -> Vec<String> {
    let readme = readme();
    let (_, section) = readme.split_once("## Add a provider in five minutes").expect("the headline");
    let section = section.split("\n## ").next().expect("a section");
    let blocks = section.split("```yaml\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("closed").to_owned()).collect()
}

#[test]
fn a_provider_is_added_in_five_minutes() {
    let shown = shown();
    assert_eq!(shown.len(), 2, "a look-alike, and one with a dialect of its own");
    let mut files = Files::from([(
        "openai".to_owned(),
        ("providers/openai.yaml".to_owned(), read(&folder("providers/openai.yaml"))),
    )]);
    for (position, text) in shown.into_iter().enumerate() {
        let (path, _) = text.strip_prefix("# providers/").and_then(|text| text.split_once(".yaml\n")).expect("a path");
        files.insert(path.to_owned(), (format!("block {position}"), text.clone()));
    }
    let code = compile(&files).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert!(code.contains("pub mod acme") && code.contains("pub mod babel"));
}

#[test]
fn the_simplest_spec_of_all_is_read_to_the_letter() {
    let readme = readme();
    for command in ["cargo run --release -- check", "ACME_API_KEY=", "fc:acme/acme-large"] {
        assert!(readme.contains(command), "{command}");
    }
}
