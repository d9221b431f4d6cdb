//! Who sees checks, what waits for whom, and what is heard of them.

use serde_json::{Value, json};
use zhibu::auth::Role;

use super::examined::Examined;
use crate::support::{app::As, on_both};

async fn listed(caller: &As<'_>, filter: &str) -> Vec<String> {
    let query =
        format!("{{ healthChecks(filter: {{ {filter} }}) {{ nodes {{ branch {{ code }} }} totalCount }} }}");
    let data = caller.clone().past_results().data(&query).await;
    let nodes = data["healthChecks"]["nodes"].as_array().unwrap();
    assert_eq!(data["healthChecks"]["totalCount"], nodes.len());
    let code = |node: &Value| node["branch"]["code"].as_str().unwrap().to_owned();
    nodes.iter().map(code).collect()
}

on_both!(checks_are_seen_in_scope_and_by_their_examiners, |db| async move {
    let year = Examined::new(db).await;
    for code in ["B1", "B4"] {
        year.step(&year.app.admin(), "assignExaminers", code)
            .await
            .unwrap();
    }
    let app = &year.app;
    for (who, caller, expected) in [
        ("admin", app.admin(), "B1 B2 B3 B4"),
        ("C1", app.committee("C1"), "B1 B2 B3"),
        ("B1", app.secretary_of("B1"), "B1"),
        ("viewer", app.viewer(None), "B1 B2 B3 B4"),
        ("viewer of C2", app.viewer(Some("C2")), "B4"),
        ("examiner of B2", app.examiner_of("B2"), "B1 B4"),
        // Never its own branch's.
        ("examiner of B4", app.examiner_of("B4"), "B1"),
        (
            "another",
            app.as_role(Role::Examiner, "examiner-2", None, Some("B2"), None),
            "",
        ),
        ("adapter", app.adapter("EJIA"), ""),
    ] {
        assert_eq!(listed(&caller, "").await.join(" "), expected, "{who}");
        let b1 = year.seen_by(&caller, "B1").await;
        let sees = expected.split(' ').any(|code| code == "B1");
        // An adapter does not even see the branch.
        assert_eq!(!b1.is_null(), sees, "{who}");
    }
    let examiner = app.examiner_of("B4");
    assert_eq!(listed(&examiner, "assignedToMe: true").await, ["B1"]);
    assert_eq!(
        listed(&app.admin(), "assignedToMe: true").await,
        Vec::<String>::new()
    );
    assert_eq!(listed(&app.admin(), "assignedToMe: false").await.len(), 4);
    let c1 = app.organization_id("C1").await;
    assert_eq!(
        listed(
            &app.admin(),
            &format!("organizationId: \"{c1}\", stages: [NOT_STARTED], outcomes: [PENDING], year: 2026")
        )
        .await,
        ["B1", "B2", "B3"]
    );
    assert_eq!(listed(&app.admin(), "stages: []").await, Vec::<String>::new());
    assert_eq!(
        listed(&app.admin(), "outcomes: [PASS]").await,
        Vec::<String>::new()
    );
    // What it examines it sees into; an office line is not part of it.
    let query = r#"{ branch(by: { code: "B1" }) { contactPhone pointEntries { totalCount } rectifications { totalCount } } }"#;
    year.held("B1", "THEME_DAY", &["2026-01-05"]).await;
    let seen = examiner.past_results().data(query).await;
    assert_eq!(
        seen["branch"],
        json!({ "contactPhone": null, "pointEntries": { "totalCount": 1 }, "rectifications": { "totalCount": 0 } })
    );
    // A node like any other.
    let check = year.check("B1").await;
    let node = format!(
        r#"{{ node(id: {}) {{ ... on HealthCheck {{ stage }} }} }}"#,
        check["id"]
    );
    assert_eq!(
        app.secretary_of("B1").data(&node).await["node"]["stage"],
        "NOT_STARTED"
    );
    assert_eq!(app.secretary_of("B2").data(&node).await["node"], Value::Null);
});

async fn waiting(caller: As<'_>) -> Vec<String> {
    let query = "{ viewer { todos { kind title dueOn node { ... on HealthCheck { branch { code } } } } } }";
    let data = caller.past_results().data(query).await;
    let todos = data["viewer"]["todos"].as_array().unwrap();
    let mine = todos
        .iter()
        .filter(|todo| matches!(todo["kind"].as_str(), Some("ANSWER_SELF_CHECK" | "EXAMINE")));
    mine.map(|todo| {
        format!(
            "{} {} {}: {}",
            todo["kind"].as_str().unwrap(),
            todo["dueOn"].as_str().unwrap(),
            todo["node"]["branch"]["code"].as_str().unwrap(),
            todo["title"].as_str().unwrap()
        )
    })
    .collect()
}

on_both!(what_is_to_be_answered_and_examined_waits, |db| async move {
    let year = Examined::new(db).await;
    let answer = ["ANSWER_SELF_CHECK 2026-12-31 B1: Answer the self-check of 2026"];
    assert_eq!(waiting(year.app.secretary_of("B1")).await, answer);
    year.in_stage("B1", "SELF_CHECK").await;
    assert_eq!(waiting(year.app.secretary_of("B1")).await, answer);
    year.step(&year.app.admin(), "assignExaminers", "B1")
        .await
        .unwrap();
    let nothing: [&str; 0] = [];
    assert_eq!(waiting(year.examiner_of("B4")).await, nothing);
    year.step(&year.app.secretary_of("B1"), "submitSelfCheck", "B1")
        .await
        .unwrap();
    assert_eq!(waiting(year.app.secretary_of("B1")).await, nothing);
    assert_eq!(
        waiting(year.examiner_of("B4")).await,
        ["EXAMINE 2026-12-31 B1: Examine: B1党支部（演示）"]
    );
    assert_eq!(waiting(year.examiner_of("B1")).await, nothing);
    let not_met = json!({ "itemCode": "R-ROLE-01", "verdict": "NOT_MET" });
    year.concluded("B1", &[not_met]).await;
    assert_eq!(waiting(year.examiner_of("B4")).await, nothing);
    // What was put right is looked at again.
    year.put_right("B1").await;
    assert_eq!(
        waiting(year.examiner_of("B4")).await,
        ["EXAMINE 2026-12-31 B1: Examine: B1党支部（演示）"]
    );
    let met: Vec<Value> = ["R-ROLE-01", "R-DEC-02", "R-LIFE-01", "R-LIFE-03"]
        .map(|item| json!({ "itemCode": item, "verdict": "MET", "note": "已核实" }))
        .to_vec();
    year.answer(&year.examiner_of("B4"), "B1", met).await.unwrap();
    assert_eq!(waiting(year.examiner_of("B4")).await, nothing);
});

/// Checks that a caller hears of, with what is left of them.
async fn heard(caller: As<'_>) -> Vec<(String, i64, bool)> {
    let query = "{ changes(filter: { topics: [HEALTH_CHECK] }, first: 200) { changes { action version node { id } } } }";
    let data = caller.data(query).await;
    let changes = data["changes"]["changes"].as_array().unwrap();
    changes
        .iter()
        .map(|change| {
            let action = change["action"].as_str().unwrap().to_owned();
            (
                action,
                change["version"].as_i64().unwrap(),
                !change["node"].is_null(),
            )
        })
        .collect()
}

on_both!(
    those_in_scope_hear_of_a_check_and_so_do_its_examiners,
    |db| async move {
        let year = Examined::new(db).await;
        let app = &year.app;
        let admin = app.admin();
        year.step(&admin, "assignExaminers", "B1").await.unwrap();
        year.in_stage("B1", "SELF_CHECK").await;
        app.settle().await;
        let (created, updated) = (
            |version: i64| ("CREATED".to_owned(), version, true),
            |version: i64| ("UPDATED".to_owned(), version, true),
        );
        assert_eq!(
            heard(app.secretary_of("B1")).await,
            [created(1), updated(2), updated(3)]
        );
        assert_eq!(heard(app.secretary_of("B2")).await, [created(1)]);
        assert_eq!(heard(app.admin()).await.len(), 6);
        assert_eq!(heard(app.viewer(Some("C2"))).await, [created(1)]);
        assert_eq!(heard(app.examiner_of("B4")).await, [updated(2), updated(3)]);
        assert_eq!(heard(app.examiner_of("B1")).await, []);
        // Who is not assigned any more hears of that, and of nothing after it.
        let check = year.check("B1").await;
        let input = json!({ "healthCheckId": check["id"], "version": check["version"], "subjects": [] });
        admin.mutate("assignExaminers", "", input).await.done();
        year.in_stage("B1", "CONSULTATION").await;
        app.settle().await;
        let gone = |version: i64| ("UPDATED".to_owned(), version, false);
        assert_eq!(heard(app.examiner_of("B4")).await, [gone(2), gone(3), gone(4)]);
        // A rectification of a branch that it examines.
        let finding = json!({ "aspect": "ROLE", "title": "t", "prescription": "p", "dueOn": "2026-04-01" });
        year.step(&admin, "assignExaminers", "B2").await.unwrap();
        let input =
            json!({ "branchId": year.branch_id("B2").await, "origin": "INSPECTION", "finding": finding });
        admin.mutate("raiseRectification", "", input).await.done();
        app.settle().await;
        let query = "{ changes(filter: { topics: [RECTIFICATION] }) { changes { node { ... on Rectification { branch { code } } } } } }";
        let data = app.examiner_of("B4").data(query).await;
        assert_eq!(
            data["changes"]["changes"],
            json!([{ "node": { "branch": { "code": "B2" } } }])
        );
    }
);
