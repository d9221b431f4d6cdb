//! Imports point one way (docs/ARCHITECTURE.md): read from the sources, so that a shortcut is a failed test
//! and not a habit.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

mod paths;

/// The slices in their order; each may use those in the lines before its own.
const SLICES: &[&[&str]] = &[
    &["organization"],
    &["branch"],
    &["brand", "training"],
    &["points"],
    &["platform"],
    &["pairing"],
    &["campaign"],
    &["rectification"],
    &["health_check"],
    &["gold"],
    &["board"],
    &["viewer"],
];
/// What is no slice.
const FOUNDATIONS: &[&str] = &[
    "kernel",
    "auth",
    "http",
    "graphql",
    "live",
    "audit",
    "storage",
    "telemetry",
    "exchange",
];
/// What wires, and is named by nobody below it.
const TOP: &[&str] = &["app", "cli", "config", "demo", "jobs", "simulate"];
/// What a model may name besides the kernel and its own slice.
const MODEL_CRATES: &[&str] = &["std", "core", "alloc", "chrono", "serde", "thiserror"];
/// What sea-orm calls a connection: use cases hand it on. The rest of it builds queries.
const CONNECTION_NAMES: &[&str] = &[
    "ConnectionTrait",
    "DatabaseConnection",
    "DatabaseTransaction",
    "DbErr",
    "TransactionTrait",
];
/// Where tables may be named besides `store.rs`.
const TABLE_FOLDERS: &[&str] = &["storage", "audit", "live", "demo"];
/// And in this file, which makes a caller's scope a condition that every store's queries carry.
const SCOPE: &str = "auth/scope.rs";
/// Crates that name tables or build queries.
const TABLE_CRATES: &[&str] = &["entity", "sea_orm", "sqlx"];

/// What the rules need to know beside the file they look at.
struct House {
    /// Names of crates that can begin a path.
    crates: BTreeSet<String>,
    /// Each slice's modules (its files and folders), and whether `mod.rs` declares them `pub`.
    modules: BTreeMap<String, BTreeMap<String, bool>>,
}

/// A path from the crate's root, or from a crate's name.
enum Target {
    Own(Vec<String>),
    Crate(Vec<String>),
}

fn rank(slice: &str) -> Option<usize> {
    SLICES.iter().position(|line| line.contains(&slice))
}

/// `branch/store.rs` is the module `branch::store`.
fn module_of(file: &str) -> Vec<String> {
    let mut module: Vec<String> = file
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

impl House {
    /// None for names of the file itself.
    fn target(&self, file: &str, path: &[String]) -> Option<Target> {
        let mut base = match path[0].as_str() {
            "crate" | "zhibu" => Vec::new(),
            "self" | "super" => module_of(file),
            name if self.crates.contains(name) => return Some(Target::Crate(path.to_vec())),
            _ => return None,
        };
        for segment in path {
            match segment.as_str() {
                "crate" | "zhibu" | "self" => {}
                "super" => drop(base.pop()),
                _ => base.push(segment.clone()),
            }
        }
        Some(Target::Own(base))
    }

    /// Every breach of the rules in a file, with its line.
    fn breaches(&self, file: &str, text: &str) -> Vec<String> {
        let mut breaches: Vec<String> = paths::named(text)
            .into_iter()
            .filter_map(|named| {
                let reason = match self.target(file, &named.segments)? {
                    Target::Own(path) => self.breach_inside(file, &path),
                    Target::Crate(path) => breach_outside(file, &path),
                }?;
                Some(format!(
                    "src/{file}:{}: {}: {reason}",
                    named.line,
                    named.segments.join("::")
                ))
            })
            .collect();
        breaches.dedup();
        breaches
    }

    fn breach_inside(&self, file: &str, path: &[String]) -> Option<&'static str> {
        let here = file.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        let there = path.first()?.as_str();
        if here == there {
            let upward = path
                .get(1)
                .is_some_and(|name| name == "store" || name == "graphql");
            return (is(file, "model") && rank(here).is_some() && upward)
                .then_some("a model knows no database and no GraphQL");
        }
        if here == "kernel" {
            return Some("the kernel knows nothing above it");
        }
        if is(file, "model") && rank(here).is_some() && there != "kernel" {
            return Some("a model knows plain values, the kernel and its own slice");
        }
        let wires = TOP.contains(&here) || here == "main" || here == "lib";
        if TOP.contains(&there) && !wires {
            return Some("nobody below the wiring names it");
        }
        let (Some(ours), Some(theirs)) = (rank(here), rank(there)) else {
            return None;
        };
        let module = path.get(1).map_or("", String::as_str);
        if is(file, "graphql") && module == "graphql" {
            return None;
        }
        if theirs >= ours {
            return Some("a slice uses those before it only");
        }
        match self.modules.get(there).and_then(|modules| modules.get(module)) {
            Some(published) if !published || matches!(module, "store" | "graphql" | "model") => {
                Some("a slice meets another through the names in its mod.rs")
            }
            _ => None,
        }
    }
}

fn breach_outside(file: &str, path: &[String]) -> Option<&'static str> {
    let here = file.split('/').next().unwrap_or_default();
    let root = path[0].as_str();
    if is(file, "model") && rank(here).is_some() && !MODEL_CRATES.contains(&root) {
        return Some("a model knows plain values, the kernel and its own slice");
    }
    let second = path.get(1).map_or("", String::as_str);
    if file == "kernel/id.rs" && root == "entity" && second == "ids" {
        return None;
    }
    let connection = root == "sea_orm" && CONNECTION_NAMES.contains(&second);
    let may = file == SCOPE
        || is(file, "store")
        || TABLE_FOLDERS.contains(&here)
        || (connection && here != "kernel");
    (TABLE_CRATES.contains(&root) && !may).then_some("only store.rs names tables and builds queries")
}

/// Whether the file is `name.rs` or stands in a folder `name/` below a folder of src/.
fn is(file: &str, name: &str) -> bool {
    file.split('/')
        .skip(1)
        .any(|part| part.trim_end_matches(".rs") == name)
}

/// Every `.rs` file below a folder, by its path from there.
fn sources(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn house(manifest: &str, sources: &BTreeMap<String, String>) -> House {
    let manifest: toml::Table = manifest.parse().unwrap();
    let crates = manifest["dependencies"]
        .as_table()
        .unwrap()
        .keys()
        .map(|name| name.replace('-', "_"))
        .chain(["std", "core", "alloc"].map(str::to_owned))
        .collect();
    let mut modules: BTreeMap<String, BTreeMap<String, bool>> = BTreeMap::new();
    for file in sources.keys() {
        if let [folder, module, ..] = module_of(file).as_slice() {
            let public = sources
                .get(&format!("{folder}/mod.rs"))
                .is_some_and(|text| paths::published(text).contains(module));
            modules
                .entry(folder.clone())
                .or_default()
                .insert(module.clone(), public);
        }
    }
    House { crates, modules }
}

fn here() -> (House, BTreeMap<String, String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources(&root.join("src"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    (house(&manifest, &sources), sources)
}

#[test]
fn imports_point_one_way() {
    let (house, sources) = here();
    assert!(sources.len() > 5, "the sources were not found");
    let breaches: Vec<String> = sources
        .iter()
        .flat_map(|(file, text)| house.breaches(file, text))
        .collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn every_folder_has_its_place() {
    let (_, sources) = here();
    let placed =
        |folder: &str| rank(folder).is_some() || FOUNDATIONS.contains(&folder) || TOP.contains(&folder);
    let strangers: BTreeSet<&str> = sources
        .keys()
        .filter_map(|file| Some(file.split_once('/')?.0))
        .filter(|folder| !placed(folder))
        .collect();
    assert!(
        strangers.is_empty(),
        "not placed in SLICES, FOUNDATIONS or TOP: {strangers:?}"
    );
}

/// A house of three slices, and a line in it: how many breaches.
fn breaches_of(file: &str, line: &str) -> usize {
    let sources = ["mod", "model", "store", "graphql", "award"]
        .iter()
        .flat_map(|module| ["organization", "branch", "pairing"].map(|slice| (slice, module)))
        .map(|(slice, module)| {
            (
                format!("{slice}/{module}.rs"),
                "pub mod award;\nmod model;\n".to_owned(),
            )
        })
        .collect();
    let manifest = "[dependencies]\nsea-orm = '2'\nentity = '1'\nsqlx = '1'\nserde = '1'\nchrono = '1'\nasync-graphql = '1'";
    house(manifest, &sources).breaches(file, line).len()
}

#[test]
fn a_line_that_points_the_wrong_way_is_found() {
    for (file, line) in [
        ("kernel/page.rs", "use crate::branch::Branch;"),
        ("kernel/page.rs", "use entity::branch;"),
        ("kernel/page.rs", "use super::super::branch::Branch;"),
        ("kernel/page.rs", "use sea_orm::ConnectionTrait;"),
        ("branch/model.rs", "use sea_orm::DbErr;"),
        ("branch/model.rs", "#[derive(async_graphql::Enum)] enum E {}"),
        ("branch/model.rs", "use crate::auth::Scope;"),
        ("branch/model.rs", "use super::store;"),
        ("branch/model.rs", "use crate::organization::Organization;"),
        ("branch/model/state.rs", "use crate::organization::Organization;"),
        ("branch/award.rs", "use entity::branch::Entity;"),
        ("branch/award.rs", "use sea_orm::{ConnectionTrait, EntityTrait};"),
        ("branch/award.rs", "use sea_orm::*;"),
        ("branch/award.rs", "fn f() { sqlx::query(\"\"); }"),
        ("branch/award.rs", "fn f(m: entity::branch::Model) {}"),
        ("branch/graphql.rs", "use sea_orm::entity::prelude::*;"),
        ("graphql/loaders.rs", "use entity::branch;"),
        ("app.rs", "use entity::branch;"),
        ("branch/award.rs", "use crate::pairing::Pairing;"),
        ("branch/graphql.rs", "use crate::pairing::Pairing;"),
        ("branch/store.rs", "use crate::pairing;"),
        ("pairing/award.rs", "use crate::branch::store::find;"),
        (
            "pairing/award.rs",
            "use crate::branch;\nfn f() { branch::store::find() }",
        ),
        (
            "pairing/award.rs",
            "fn f() { super::super::branch::store::find() }",
        ),
        (
            "pairing/store.rs",
            "use crate::{kernel::id::BranchId, branch::{store}};",
        ),
        ("pairing/award.rs", "use crate::branch::graphql::Branch;"),
        ("pairing/graphql.rs", "use crate::branch::model::Branch;"),
        ("pairing/award.rs", "use crate::app::State;"),
        ("http/graphql.rs", "use crate::app::State;"),
    ] {
        assert_eq!(breaches_of(file, line), 1, "{file}: {line}");
    }
}

#[test]
fn a_line_that_points_the_right_way_is_not() {
    for (file, line) in [
        ("kernel/id.rs", "pub use entity::ids::*;"),
        ("kernel/page.rs", "use super::message::Message;"),
        (
            "branch/model.rs",
            "use chrono::NaiveDate; use crate::kernel::id::BranchId; use super::Form;",
        ),
        (
            "branch/store.rs",
            "use entity::branch; use sea_orm::{EntityTrait, QueryFilter};",
        ),
        ("branch/store/search.rs", "use entity::branch;"),
        (
            "branch/award.rs",
            "use sea_orm::ConnectionTrait; use super::{model::Branch, store};",
        ),
        ("branch/graphql.rs", "use crate::pairing::graphql::Pairing;"),
        (
            "pairing/award.rs",
            "use crate::branch::{self, Branch, award}; fn f() { branch::find() }",
        ),
        (
            "pairing/award.rs",
            "#[cfg(test)] mod tests { use crate::branch::store; }",
        ),
        ("audit/chain.rs", "use entity::audit_entry; use sea_orm::*;"),
        ("app.rs", "use crate::{branch, cli, pairing};"),
        ("main.rs", "use zhibu::cli;"),
    ] {
        assert_eq!(breaches_of(file, line), 0, "{file}: {line}");
    }
}
