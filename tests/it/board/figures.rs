//! Published figures beside those of the demonstration.

use serde_json::{Value, json};

use super::{found, row};
use crate::support::{app::TestApp, branches::sql, on_both};

const FIGURES: &str = "query($year: Int!) { figures(year: $year) { key label english: label(lang: EN) published computed agrees source note } }";

on_both!(all_eighteen_agree_with_the_demonstration, |db| async move {
    let app = TestApp::with_demo(db).await;
    let campaign = json!({ "year": 2022, "theme": "金牌引领·百支齐行", "windowFrom": "2022-01-01", "windowTo": "2022-12-31" });
    app.admin()
        .mutate("openCampaign", "campaign { id }", campaign)
        .await
        .done();
    let aspects = [
        ("ORGANIZATION", 5),
        ("EDUCATION", 6),
        ("DECISION_MAKING", 4),
        ("ORGANIZATIONAL_LIFE", 3),
        ("ROLE", 4),
    ];
    let mut statements: Vec<String> = aspects
        .iter()
        .flat_map(|(aspect, n)| vec![aspect; *n])
        .map(|aspect| found("HC-0001", aspect, "CLOSED", "MINOR", "2022-06-01", "2022-07-01"))
        .collect();
    // Not counted: last year's, and what a consultation found.
    statements.push(found(
        "HC-0001",
        "SUPPORT",
        "CLOSED",
        "MINOR",
        "2021-12-31",
        "2022-07-01",
    ));
    let consulted = found(
        "HC-0001",
        "SUPPORT",
        "CLOSED",
        "MINOR",
        "2022-06-01",
        "2022-07-01",
    );
    statements.push(consulted.replace("INSPECTION", "CONSULTATION"));
    sql(&app, statements).await;
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
    // One gold branch less, and the records do not agree any more.
    let revoke = format!(
        "UPDATE gold_title SET revoked_on = '2022-12-31' WHERE revoked_on IS NULL AND branch_id = {}",
        row("HC-0001")
    );
    sql(&app, vec![revoke]).await;
    let answer = viewer.ask(FIGURES, json!({ "year": 2022 })).await;
    let gold = &answer.data()["figures"][0];
    assert_eq!((&gold["computed"], &gold["agrees"]), (&json!(51), &json!(false)));
    // Of other years nothing was published.
    let other: Value = viewer.ask(FIGURES, json!({ "year": 2021 })).await.data()["figures"].clone();
    assert_eq!(other, json!([]));
});
