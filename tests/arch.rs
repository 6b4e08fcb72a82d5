//! The design's invariants, as tests on the sources.
//!
//! Sources are read as tokens (`proc_macro2`), so comments do not count, groups of `use` are
//! followed, and paths inside macros are seen too. Every rule is a plain function from files to
//! complaints; `arch/made_up.rs` runs each on made-up bad sources, so that no rule can be blind.

#[path = "arch/files.rs"]
mod files;
#[path = "arch/made_up.rs"]
mod made_up;
#[path = "arch/paths.rs"]
mod paths;
#[path = "arch/rooms.rs"]
mod rooms;
#[path = "arch/rules.rs"]
mod rules;

use files::Tree;

/// Fails with every complaint at once, one a line.
#[track_caller]
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn imports_run_one_way() {
    assert_none(&rooms::against_the_order(&Tree::of_this_repository()));
}

#[test]
fn imports_have_no_circle() {
    assert_none(&rooms::circles(&Tree::of_this_repository()));
}

#[test]
fn every_room_has_its_place() {
    assert_none(&rooms::unplaced(&Tree::of_this_repository()));
}

#[test]
fn no_provider_is_named_in_the_source() {
    assert_none(&rules::provider_names(&Tree::of_this_repository()));
}

#[test]
fn libraries_stay_in_their_rooms() {
    assert_none(&rules::confined(&Tree::of_this_repository()));
}

#[test]
fn no_file_is_too_long() {
    assert_none(&rules::long_files(&Tree::of_this_repository()));
}

#[test]
fn nothing_is_ignored_or_allowed() {
    assert_none(&rules::silenced(&Tree::of_this_repository()));
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    assert_none(&rules::dead_links(&Tree::of_this_repository()));
}

#[test]
fn no_path_of_a_machine_is_written_down() {
    assert_none(&rules::machine_paths(&Tree::of_this_repository()));
}

#[test]
fn every_provider_has_documentation_and_fixtures() {
    assert_none(&rules::provider_companions(&Tree::of_this_repository()));
}

/// An empty tree satisfies every rule, so the reading itself is tested too.
#[test]
fn the_tree_is_read() {
    let tree = Tree::of_this_repository();
    for path in ["src/main.rs", "src/ARCHITECTURE.md", "providers/openai.yaml", "tests/arch.rs", "README.md"] {
        assert!(tree.get(path).is_some(), "{path} was not read");
    }
}
