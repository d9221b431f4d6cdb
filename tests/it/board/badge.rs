//! Badges: the rule, wherever they are read.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use zhibu::{
    board::badge::{Badge, Signs},
    branch::TermState,
    health_check::CheckOutcome,
};

use super::{campaigns, check, found};
use crate::support::{
    app::TestApp,
    branches::{many, sql},
    on_both,
};

const EVERY: &str = "query($badges: [Badge!]) { branches(first: 200, filter: { badges: $badges,
    statuses: [ACTIVE, MERGED, DISSOLVED] }) { totalCount nodes { code termState badge } } }";

fn badges(data: &Value) -> BTreeMap<String, String> {
    let nodes = data["branches"]["nodes"].as_array().unwrap();
    assert_eq!(data["branches"]["totalCount"], nodes.len());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    nodes
        .iter()
        .map(|node| (text(&node["code"]), text(&node["badge"])))
        .collect()
}

fn term(name: &str) -> TermState {
    match name {
        "IN_TERM" => TermState::InTerm,
        "DUE_SOON" => TermState::DueSoon,
        "OVERDUE" => TermState::Overdue,
        _ => TermState::NotApplicable,
    }
}

on_both!(
    sql_and_the_rule_give_every_branch_the_same_badge,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        many(&app).await;
        campaigns(&app, &[2024, 2025, 2026]).await;
        let viewer = app.viewer(None).past_results();
        let before = viewer.ask(EVERY, json!({})).await.data().clone();
        let mut rng = ChaCha20Rng::seed_from_u64(20_200_701);
        let mut statements = Vec::new();
        let mut expected = BTreeMap::new();
        for node in before["branches"]["nodes"].as_array().unwrap() {
            let code = node["code"].as_str().unwrap();
            let mut signs = Signs {
                checked: None,
                term: term(node["termState"].as_str().unwrap()),
                red: false,
                amber: false,
                major: false,
            };
            for year in [2024, 2025, 2026] {
                let outcome = match rng.random_range(0..6) {
                    0 => continue,
                    1 | 2 => "PENDING",
                    3 => {
                        signs.checked = Some(CheckOutcome::Fail);
                        "FAIL"
                    }
                    _ => {
                        signs.checked = Some(CheckOutcome::Pass);
                        "PASS"
                    }
                };
                statements.push(check(code, year, "CLOSED", outcome));
            }
            for _ in 0..rng.random_range(0..2) {
                let states = ["OPEN", "ASSIGNED", "SUBMITTED", "CLOSED", "WAIVED"];
                let state = states[rng.random_range(0..states.len())];
                let severity = ["MINOR", "MINOR", "MAJOR"][rng.random_range(0..3)];
                // The day is 2 March; what is due by the 9th is due soon.
                let due = rng.random_range(1..=16);
                if !["CLOSED", "WAIVED"].contains(&state) {
                    signs.red |= due < 2;
                    signs.amber |= (2..=9).contains(&due);
                    signs.major |= severity == "MAJOR";
                }
                let due = format!("2026-03-{due:02}");
                statements.push(found(code, "ROLE", state, severity, "2026-02-01", &due));
            }
            expected.insert(code.to_owned(), Badge::of(signs).as_str().to_owned());
        }
        sql(&app, statements).await;
        let listed = badges(viewer.ask(EVERY, json!({})).await.data());
        assert_eq!(listed, expected);
        for badge in Badge::ALL {
            let name = badge.as_str();
            let filtered = badges(viewer.ask(EVERY, json!({ "badges": [name] })).await.data());
            let with_it: BTreeMap<_, _> = expected
                .clone()
                .into_iter()
                .filter(|(_, badge)| badge == name)
                .collect();
            assert!(!with_it.is_empty(), "no branch is {name}: another seed");
            assert_eq!(filtered, with_it);
        }
        let none = badges(viewer.ask(EVERY, json!({ "badges": [] })).await.data());
        assert!(none.is_empty());
        // On the board, and where branches are loaded by themselves.
        let board = viewer
            .ask("{ board { tiles { branchId badge } } }", json!({}))
            .await
            .data()
            .clone();
        let one = "query($id: ID!) { branch(by: { id: $id }) { code badge }
        node(id: $id) { ... on Branch { organization { branches(first: 200) { nodes { code badge } } } badge } } }";
        let tiles = board["board"]["tiles"].as_array().unwrap();
        assert_eq!(tiles.len(), 27);
        for tile in tiles.iter().take(5) {
            let data = viewer
                .ask(one, json!({ "id": tile["branchId"] }))
                .await
                .data()
                .clone();
            let code = data["branch"]["code"].as_str().unwrap();
            assert_eq!(data["branch"]["badge"], expected[code]);
            assert_eq!(data["node"]["badge"], expected[code]);
            assert_eq!(tile["badge"], expected[code]);
            for branch in data["node"]["organization"]["branches"]["nodes"]
                .as_array()
                .unwrap()
            {
                assert_eq!(branch["badge"], expected[branch["code"].as_str().unwrap()]);
            }
        }
    }
);

on_both!(badges_cost_no_statement_a_branch, |db| async move {
    let app = TestApp::with_demo(db).await;
    let viewer = app.viewer(None).past_results();
    let beside = "query($n: Int!) { branches(first: $n) { nodes { code badge } } }";
    let loaded = "query($n: Int!) { pairings(first: $n) { nodes { members { branch { badge } } } } }";
    for (query, most) in [(beside, 1), (loaded, 3)] {
        let mut costs = Vec::new();
        for n in [1, 30, 30] {
            let before = app.database.statements();
            viewer.ask(query, json!({ "n": n })).await.data();
            costs.push(app.database.statements() - before);
        }
        assert!(costs[1] <= most && costs[1] == costs[2], "{query}: {costs:?}");
    }
});
