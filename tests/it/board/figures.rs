//! Published figures beside those of the demonstration.

use serde_json::{Value, json};

use super::{found, row};
use crate::support::{app::TestApp, branches::sql, on_both};

const FIGURES: &str = "query($year: Int!) { figures(year: $year) { key label english: label(lang: EN) published computed agrees source note } }";

on_both!(all_eighteen_agree_with_the_demonstration, |db| async move {
    let app = TestApp::with_demo(db).await;
    // Not counted: what an inspection found last year, and what a consultation found.
    let of = |raised_on: &str| found("HC-0001", "SUPPORT", "CLOSED", "MINOR", raised_on, "2022-07-01");
    let consulted = of("2022-06-01").replace("INSPECTION", "CONSULTATION");
    sql(&app, vec![of("2021-12-31"), consulted]).await;
    let viewer = app.viewer(None).past_results();
    let before = app.database.statements();
    let answer = viewer.ask(FIGURES, json!({ "year": 2022 })).await;
    assert!(app.database.statements() - before <= 12);
    let figures = answer.data()["figures"].as_array().unwrap().clone();
    let said: Vec<(&str, i64)> = figures
        .iter()
        .map(|figure| {
            (
                figure["published"].as_str().unwrap(),
                figure["computed"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("52个", 52),
            ("372名", 372),
            ("102名", 102),
            ("25个", 25),
            ("91个", 91),
            ("175个", 175),
            ("7个", 7),
            ("28名", 28),
            ("10名", 10),
            ("1300余名", 1328),
            ("800余个", 826),
            ("400余名", 412),
            ("16万余名", 161_384),
            ("5个方面", 5),
            ("22项", 22),
            ("6个方面", 6),
            ("45个", 45),
            ("5条", 5),
        ]
    );
    for figure in &figures {
        assert_eq!(figure["agrees"], true, "{figure}");
        assert_eq!(figure["source"], "press, 2022");
        assert!(figure["label"] != figure["english"]);
    }
    let volunteers = figures
        .iter()
        .find(|figure| figure["key"] == "volunteers")
        .unwrap();
    assert!(volunteers["note"].as_str().unwrap().contains("1.6万"));
    assert_eq!(
        figures.iter().filter(|figure| !figure["note"].is_null()).count(),
        2
    );
    // One row is another, and the records do not agree any more.
    let computed = async |n: usize| {
        let answer = viewer.ask(FIGURES, json!({ "year": 2022 })).await;
        let figure = &answer.data()["figures"][n];
        (figure["computed"].as_i64().unwrap(), figure["agrees"] == true)
    };
    let first = |table: &str, which: &str| format!("(SELECT min(id) FROM {table} WHERE {which})");
    for (n, statement, expected) in [
        (
            0,
            format!(
                "UPDATE gold_title SET revoked_on = '2022-12-31' WHERE revoked_on IS NULL AND branch_id = {}",
                row("HC-0001")
            ),
            51,
        ),
        (
            3,
            format!(
                "UPDATE site SET kind = 'NEIGHBOURHOOD_STATION' WHERE id = {}",
                first("site", "kind = 'TRAINING_BASE'")
            ),
            24,
        ),
        (
            4,
            format!(
                "UPDATE branch SET founded_on = '2020-06-30' WHERE id = {}",
                first(
                    "branch",
                    "founded_on >= '2020-07-01' AND status = 'ACTIVE' AND form <> 'TEMPORARY'"
                )
            ),
            90,
        ),
        (
            10,
            format!(
                "UPDATE branch SET status = 'DISSOLVED' WHERE id = {}",
                first("branch", "status = 'ACTIVE' AND form <> 'TEMPORARY'")
            ),
            825,
        ),
        (
            14,
            format!(
                "UPDATE rectification SET origin = 'CONSULTATION' WHERE id = {}",
                first("rectification", "origin = 'INSPECTION'")
            ),
            21,
        ),
    ] {
        let before = computed(n).await;
        sql(&app, vec![statement]).await;
        let after = computed(n).await;
        assert_eq!(after.0, expected, "figure {n}, before {before:?}");
        // 800余 is as true of 825.
        assert_eq!((before.1, after.1), (true, n == 10), "figure {n}");
    }
    // Of other years nothing was published.
    let other: Value = viewer.ask(FIGURES, json!({ "year": 2021 })).await.data()["figures"].clone();
    assert_eq!(other, json!([]));
});
