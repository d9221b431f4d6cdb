//! Every file of the fuzzer's corpus through its target, and the dearest documents there are: nothing panics, nothing takes long.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::Value;

#[path = "../../fuzz/targets.rs"]
mod targets;
#[path = "../../benches/guard/worst.rs"]
mod worst;

/// For a build that is not optimized, on a machine that does something else besides.
const LONG: Duration = Duration::from_secs(2);

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files
        .map(|file| {
            let file = file.unwrap();
            let name = file.file_name().to_string_lossy().into_owned();
            (name, fs::read(file.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn every_target_takes_its_corpus() {
    for (name, target) in targets::TARGETS {
        let files = corpus(name);
        assert!(!files.is_empty(), "{name} has no corpus");
        for (file, bytes) in files {
            println!("{name}/{file}");
            target(&bytes);
        }
    }
    let folders = fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")).unwrap();
    assert_eq!(
        folders.count(),
        targets::TARGETS.len(),
        "a corpus without a target"
    );
}

/// What its name says becomes of a document: `ok-…` is planned, everything else is refused.
#[test]
fn documents_become_what_their_names_say() {
    let mut wrong = Vec::new();
    for (name, bytes) in corpus("document") {
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        let prepared = targets::prepare(&text, Value::Null);
        if prepared.is_ok() != name.starts_with("ok-") {
            wrong.push(format!("{name}: {:?}", prepared.err()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_dearest_requests_are_refused_or_planned_at_once() {
    let _ = targets::engine();
    for (name, query, variables) in worst::requests() {
        let began = std::time::Instant::now();
        let _ = targets::prepare(&query, variables);
        assert!(began.elapsed() < LONG, "{name}: {:?}", began.elapsed());
    }
}
