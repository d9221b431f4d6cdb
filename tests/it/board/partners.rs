//! Suggested partners.

use serde_json::{Value, json};

use super::{branch, campaigns, check, pairing, row};
use crate::support::{
    TestDatabase,
    app::{As, TestApp},
    branches::sql,
    on_both,
};

const SUGGESTED: &str =
    "query($id: ID!, $first: Int! = 10) { suggestedPartners(branchId: $id, first: $first) {
    branch { code name } basis score helpsWith } }";

/// Verdicts of a branch's check: in ORGANIZATION and in ROLE it met so many of ten.
fn results(code: &str, year: i32, organization: usize, role: usize) -> Vec<String> {
    let of_check = format!(
        "(SELECT h.id FROM health_check h JOIN campaign c ON c.id = h.campaign_id WHERE c.year = {year} AND h.branch_id = {})",
        row(code)
    );
    let mut statements = vec![check(code, year, "CLOSED", "PASS")];
    for (item, met) in [("R-ORG", organization), ("R-ROLE", role)] {
        statements.extend((0..10).map(|n| {
            let verdict = if n < met { "MET" } else { "NOT_MET" };
            format!(
                "INSERT INTO check_result (health_check_id, position, item_code, self_verdict, verdict, overruled, evidence) \
                 VALUES ({of_check}, {n}, '{item}-{n}', 'MET', '{verdict}', false, '[]')"
            )
        }));
    }
    statements
}

/// G is gold and strong in ROLE; everybody else is what its name says, G2 gold and strong in ORGANIZATION.
async fn district(db: TestDatabase) -> (TestApp, String, String) {
    let app = TestApp::with_tree(db).await;
    let gold = branch(&app, "C1", "G", json!({})).await;
    let rural = || json!({ "domain": "RURAL" });
    for (organization, code, over) in [
        ("C2", "FIELD", json!({})),
        ("G1", "COMMITTEE", rural()),
        ("C2", "ELSEWHERE", rural()),
        ("C1", "TEMPORARY", json!({ "form": "TEMPORARY" })),
        ("C1", "PARTNER", json!({})),
        ("C1", "LEFT", json!({})),
        ("C1", "BUSY", json!({})),
        ("C1", "UNCHECKED", json!({})),
        ("C1", "ENDED", json!({})),
        ("C2", "G2", json!({})),
    ] {
        branch(&app, organization, code, over).await;
    }
    campaigns(&app, &[2025, 2026]).await;
    let mut statements = vec!["UPDATE branch SET status = 'DISSOLVED' WHERE code = 'ENDED'".to_owned()];
    for (item, aspect) in [("R-ORG", "ORGANIZATION"), ("R-ROLE", "ROLE")] {
        statements.extend((0..10).map(|n| {
            let position = n + if item == "R-ORG" { 0 } else { 10 };
            format!(
                "INSERT INTO check_item (template_version, position, code, aspect, name_zh, name_en, verification, weight, \
                 mandatory) VALUES (1, {position}, '{item}-{n}', '{aspect}', '项', 'item', 'EVIDENCE', 5, false)"
            )
        }));
    }
    for code in ["G", "G2"] {
        statements.push(format!(
            "INSERT INTO gold_title (branch_id, awarded_on) VALUES ({}, '2024-12-31')",
            row(code)
        ));
    }
    statements.extend(results("G", 2026, 8, 10));
    statements.extend(results("G2", 2026, 9, 9));
    statements.extend(results("FIELD", 2025, 10, 0));
    statements.extend(results("FIELD", 2026, 5, 6));
    statements.extend(results("COMMITTEE", 2025, 5, 3));
    // Has come to nothing yet: last year's counts.
    statements.push(check("COMMITTEE", 2026, "SELF_CHECK", "PENDING"));
    for code in ["ELSEWHERE", "TEMPORARY", "PARTNER", "LEFT", "BUSY", "ENDED"] {
        statements.extend(results(code, 2026, 8, 2));
    }
    let left = Some("2026-01-01");
    statements.extend(pairing(
        2026,
        "ONE_TO_MANY",
        "ACTIVE",
        &[("G", None), ("PARTNER", None), ("LEFT", left)],
    ));
    statements.extend(pairing(
        2025,
        "ONE_TO_MANY",
        "COMPLETED",
        &[("G", None), ("FIELD", None)],
    ));
    for _ in 0..3 {
        statements.extend(pairing(
            2026,
            "ONE_TO_MANY",
            "ACTIVE",
            &[("G2", left), ("BUSY", None)],
        ));
    }
    sql(&app, statements).await;
    let field = app
        .admin()
        .data(r#"{ branch(by: { code: "FIELD" }) { id } }"#)
        .await;
    let field = field["branch"]["id"].as_str().unwrap().to_owned();
    (app, gold, field)
}

async fn suggested(caller: &As<'_>, id: &str) -> Vec<Value> {
    let answer = caller
        .clone()
        .past_results()
        .ask(SUGGESTED, json!({ "id": id }))
        .await;
    let found = answer.data()["suggestedPartners"].as_array().unwrap();
    found
        .iter()
        .map(|row| json!([row["branch"]["code"], row["basis"], row["helpsWith"]]))
        .collect()
}

on_both!(
    those_who_would_gain_most_come_first_with_the_reasons,
    |db| async move {
        let (app, gold, field) = district(db).await;
        let committee = app.committee("C1");
        let found = suggested(&committee, &gold).await;
        assert_eq!(
            found,
            [
                json!(["LEFT", "SAME_DOMAIN", ["ROLE"]]),
                json!(["COMMITTEE", "SAME_AFFILIATION", ["ROLE"]]),
                json!(["FIELD", "SAME_DOMAIN", ["ROLE"]]),
                json!(["UNCHECKED", "SAME_DOMAIN", []]),
            ]
        );
        // Another is helped by gold ones.
        let found = suggested(&app.secretary_of("FIELD"), &field).await;
        assert_eq!(
            found,
            [
                json!(["G2", "SAME_DOMAIN", ["ORGANIZATION", "ROLE"]]),
                json!(["G", "SAME_DOMAIN", ["ROLE"]]),
            ]
        );
        // Who may be in no other pairing is suggested nobody.
        let busy = app
            .admin()
            .data(r#"{ branch(by: { code: "BUSY" }) { id } }"#)
            .await;
        let busy = busy["branch"]["id"].as_str().unwrap();
        assert_eq!(
            suggested(&app.secretary_of("BUSY"), busy).await,
            Vec::<Value>::new()
        );
        let mut costs = Vec::new();
        for first in [1, 4, 4] {
            let before = app.database.statements();
            let answer = committee
                .clone()
                .past_results()
                .ask(SUGGESTED, json!({ "id": gold, "first": first }))
                .await;
            costs.push(app.database.statements() - before);
            let rows = answer.data()["suggestedPartners"].as_array().unwrap();
            assert_eq!(rows.len(), first);
            assert_eq!(rows[0]["score"], 8_000.0 / 70_000.0);
        }
        assert!(costs[1] == costs[2] && costs[1] <= 9, "{costs:?}");
        for (first, code) in [(101, "BAD_REQUEST"), (-1, "BAD_REQUEST")] {
            let refused = committee
                .ask(SUGGESTED, json!({ "id": gold, "first": first }))
                .await;
            assert_eq!(refused.error_code(), code);
        }
    }
);

on_both!(out_of_scope_nobody_is_suggested, |db| async move {
    let (app, gold, _) = district(db).await;
    app.open_source("EJIA").await;
    let nothing = Vec::<Value>::new();
    for stranger in [
        app.committee("C2"),
        app.secretary_of("FIELD"),
        app.examiner_of("FIELD"),
        app.adapter("EJIA"),
        app.viewer(Some("C2")),
    ] {
        assert_eq!(suggested(&stranger, &gold).await, nothing);
    }
    assert_eq!(suggested(&app.secretary_of("G"), &gold).await.len(), 4);
    // Temporary branches and those that have ended are in no pairing.
    for code in ["TEMPORARY", "ENDED"] {
        let query = format!(r#"{{ branch(by: {{ code: "{code}" }}) {{ id }} }}"#);
        let id = app.admin().data(&query).await["branch"]["id"].clone();
        assert_eq!(suggested(&app.admin(), id.as_str().unwrap()).await, nothing);
    }
    assert_eq!(suggested(&app.admin(), "nonsense").await, nothing);
});
