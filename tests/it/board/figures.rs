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
    let headcount = |kind: &str| {
        let latest = format!(
            "(SELECT id FROM headcount WHERE kind = '{kind}' AND as_of <= '2022-12-31' ORDER BY as_of DESC, id LIMIT 1)"
        );
        format!("UPDATE headcount SET count = count + 1 WHERE id = {latest}")
    };
    let trained = "INSERT INTO training_participant (training_record_id, participant) SELECT min(id), CAST('someone else' AS BYTEA) \
                   FROM training_record WHERE audience = 'SECRETARY' AND held_on BETWEEN '2021-01-01' AND '2022-12-31'".to_owned();
    let trained = match app.database.backend() {
        sea_orm::DbBackend::Sqlite => trained.replace("CAST('someone else' AS BYTEA)", "x'00'"),
        _ => trained.replace("CAST('someone else' AS BYTEA)", "decode('00', 'hex')"),
    };
    // Another template, without the items of an aspect and one of each field.
    let template = [
        "INSERT INTO check_template (version, published_at, content) SELECT 2, published_at, 'other' FROM check_template",
        "INSERT INTO check_item (template_version, position, code, aspect, domain, name_zh, name_en, verification, weight, mandatory) \
         SELECT 2, position, code, aspect, domain, name_zh, name_en, verification, weight, mandatory FROM check_item \
         WHERE aspect <> 'ROLE' AND code NOT LIKE 'X-%-05'",
    ];
    sql(&app, template.map(str::to_owned).to_vec()).await;
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
                first("branch", "status = 'ACTIVE' AND form <> 'TEMPORARY' AND domain = 'RURAL'")
            ),
            825,
        ),
        (1, headcount("TWO_COMMITTEES"), 373),
        (2, headcount("RISING_STAR"), 103),
        (5, format!("UPDATE branch_term SET on_time = FALSE WHERE id = {}", first("branch_term", "on_time AND elected_on >= '2020-07-01' AND branch_id IN (SELECT id FROM branch WHERE domain = 'GOVERNMENT' AND status = 'ACTIVE')")), 174),
        (6, format!("UPDATE branch SET founded_on = '2020-06-30' WHERE id = {}", first("branch", "status = 'ACTIVE' AND form = 'TEMPORARY'")), 6),
        (7, headcount("RURAL_WORKER"), 29),
        (8, headcount("NON_PUBLIC_INSTRUCTOR"), 11),
        (9, trained, 1329),
        (11, headcount("ASSIGNED_OFFICIAL"), 413),
        (12, headcount("VOLUNTEER"), 161_385),
        (13, "UPDATE rectification SET aspect = 'ORGANIZATION' WHERE origin = 'INSPECTION' AND aspect = 'SUPPORT' AND raised_on >= '2022-01-01'".to_owned(), 4),
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
        // 余 is as true of one more or less.
        let some = [9, 10, 11, 12].contains(&n);
        assert_eq!((before.1, after.1), (true, some), "figure {n}");
    }
    sql(&app, vec!["UPDATE campaign SET template_version = 2".to_owned()]).await;
    let of_template = [computed(15).await, computed(16).await, computed(17).await];
    assert_eq!(of_template, [(5, false), (39, false), (4, false)]);
    // Of other years nothing was published.
    let other: Value = viewer.ask(FIGURES, json!({ "year": 2021 })).await.data()["figures"].clone();
    assert_eq!(other, json!([]));
});
