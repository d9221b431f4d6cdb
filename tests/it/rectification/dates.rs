//! What the date does: lights, the daily job, and what waits for whom.

use serde_json::{Value, json};
use zhibu::jobs;

use super::found::{Found, mutate, step, step_with};
use crate::{
    brand::heard,
    support::{branches::create, on_both},
};

on_both!(a_light_follows_the_date_and_is_told_once, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    jobs::daily(&app.database).await.unwrap();
    let first = found.raise(1, json!({ "dueOn": "2026-03-12" })).await;
    let later = found.raise(2, json!({ "dueOn": "2026-03-20" })).await;
    let waived = found.raise(3, json!({ "dueOn": "2026-03-12" })).await;
    step(&app.admin(), "waiveRectification", &waived).await.unwrap();
    let mut told = 4;
    for (day, lights, moved) in [
        ("2026-03-02T02:00:00Z", ["BLUE", "BLUE"], 0),
        ("2026-03-04T15:59:59Z", ["BLUE", "BLUE"], 0),
        // Midnight in Shanghai.
        ("2026-03-04T16:00:00Z", ["AMBER", "BLUE"], 1),
        ("2026-03-12T15:59:59Z", ["AMBER", "BLUE"], 0),
        ("2026-03-13T02:00:00Z", ["RED", "AMBER"], 2),
        ("2026-04-01T02:00:00Z", ["RED", "RED"], 1),
    ] {
        app.clock.set(day);
        for (row, light) in [(&first, lights[0]), (&later, lights[1]), (&waived, "GREEN")] {
            assert_eq!(
                found.node(&app.admin(), &row["id"]).await["light"],
                light,
                "{day}"
            );
        }
        jobs::daily(&app.database).await.unwrap();
        jobs::daily(&app.database).await.unwrap();
        told += moved;
        let changes = heard(&app.admin(), "RECTIFICATION", "nodeId version", told).await;
        assert_eq!(changes.len(), told, "{day}: {changes:#?}");
    }
    // Its row stands as it was.
    assert_eq!(found.node(&app.admin(), &first["id"]).await["version"], 1);
});

on_both!(amber_and_review_days_are_the_deployments, |db| async move {
    let app = crate::support::app::TestApp::with_config(db, |config| {
        config.domain.amber_days = 2;
        config.domain.review_days = 10;
    })
    .await;
    app.plant_tree().await;
    let branch = create(&app, "B1", json!({})).await;
    let finding = json!({ "branchId": branch, "origin": "INSPECTION", "finding": {
        "aspect": "ROLE", "title": "甲", "prescription": "乙", "dueOn": "2026-03-05" } });
    let admin = app.admin();
    let row = mutate(&admin, "raiseRectification", finding).await.unwrap();
    assert_eq!(row["light"], "BLUE");
    let row = step(&admin, "assignRectification", &row).await.unwrap();
    app.clock.advance(chrono::Duration::days(1));
    let row = step(&app.secretary_of("B1"), "submitRectification", &row)
        .await
        .unwrap();
    assert_eq!(row["light"], "AMBER");
    let row = step(&app.admin(), "closeRectification", &row).await.unwrap();
    assert_eq!(row["nextReviewOn"], "2026-03-13");
});

on_both!(a_term_that_is_over_becomes_a_finding_once, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    // Three years from 2023-03-05 end in 2026; that of the second has ended before anybody looked.
    for (code, elected_on) in [
        ("T1", "2023-03-05"),
        ("T2", "2023-02-01"),
        ("T3", "2023-03-05"),
        ("T4", "2023-03-05"),
        ("T5", "2024-03-05"),
    ] {
        create(app, code, json!({ "electedOn": elected_on })).await;
    }
    jobs::daily(&app.database).await.unwrap();
    let admin = app.admin();
    // T3 has a finding for the item already, and T4 has its election in time.
    let id = async |code: &str| {
        let query = format!("{{ branch(by: {{ code: \"{code}\" }}) {{ id version }} }}");
        admin.data(&query).await["branch"].clone()
    };
    let t3 = json!({ "branchId": id("T3").await["id"], "origin": "INSPECTION", "finding": {
        "aspect": "ORGANIZATION", "itemCode": "R-ORG-05", "title": "甲", "prescription": "乙", "dueOn": "2026-03-30" } });
    mutate(&admin, "raiseRectification", t3).await.unwrap();
    let t4 = id("T4").await;
    let election = json!({ "branchId": t4["id"], "version": t4["version"], "electedOn": "2026-03-02" });
    admin
        .mutate("recordElection", "branch { id }", election)
        .await
        .done();

    let computed = async || -> Vec<Value> {
        let query = "{ rectifications(filter: { origins: [COMPUTED] }) { nodes { id title itemCode severity aspect state
            dueOn version branch { code termState } steps { by note } } } }";
        let data = app.admin().data(query).await;
        data["rectifications"]["nodes"].as_array().unwrap().clone()
    };
    app.clock.set("2026-03-20T02:00:00Z");
    assert_eq!(computed().await, Vec::<Value>::new());
    jobs::daily(&app.database).await.unwrap();
    let raised = computed().await;
    assert_eq!(raised.len(), 1, "{raised:#?}");
    let row = &raised[0];
    assert_eq!(row["branch"], json!({ "code": "T1", "termState": "OVERDUE" }));
    assert_eq!(
        json!([
            row["itemCode"],
            row["severity"],
            row["aspect"],
            row["state"],
            row["dueOn"]
        ]),
        json!(["R-ORG-05", "MAJOR", "ORGANIZATION", "OPEN", "2026-04-19"])
    );
    assert_eq!(row["steps"], json!([{ "by": "zhibu", "note": null }]));
    assert!(row["title"].as_str().unwrap().contains("届满未换届"));
    // Not again, on this day or a later one.
    jobs::daily(&app.database).await.unwrap();
    app.clock.set("2026-03-28T02:00:00Z");
    jobs::daily(&app.database).await.unwrap();
    assert_eq!(computed().await.len(), 1);
    // It goes through its states as any other.
    let row = step_with(
        &app.committee("C1"),
        "assignRectification",
        row,
        json!({ "dueOn": "2026-04-30" }),
    )
    .await
    .unwrap();
    let row = step(&app.secretary_of("T1"), "submitRectification", &row)
        .await
        .unwrap();
    assert!(
        step(&app.committee("C1"), "closeRectification", &row)
            .await
            .is_ok()
    );
});

on_both!(what_waits_is_shown_to_whom_it_waits_for, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let (admin, secretary, committee) = (app.admin(), app.secretary_of("B1"), app.committee("C1"));
    found
        .raise(1, json!({ "title": "甲", "dueOn": "2026-03-20" }))
        .await;
    let row = found
        .raise(1, json!({ "title": "乙", "dueOn": "2026-03-05" }))
        .await;
    let row = step(&admin, "assignRectification", &row).await.unwrap();
    let nothing: Vec<Value> = Vec::new();
    assert_eq!(
        found.waiting(&secretary).await,
        [
            json!([
                "SUBMIT_RECTIFICATION",
                "Put the problem right: 乙",
                "2026-03-05",
                "AMBER"
            ]),
            json!([
                "SUBMIT_RECTIFICATION",
                "Put the problem right: 甲",
                "2026-03-20",
                "BLUE"
            ]),
        ]
    );
    assert_eq!(found.waiting(&committee).await, nothing);
    assert_eq!(found.waiting(&app.secretary_of("B2")).await, nothing);

    let row = step(&secretary, "submitRectification", &row).await.unwrap();
    assert_eq!(found.waiting(&secretary).await.len(), 1);
    let closing = json!([
        "CLOSE_RECTIFICATION",
        "Close the rectification: 乙",
        "2026-03-05",
        "AMBER"
    ]);
    for caller in [&committee, &admin] {
        assert_eq!(found.waiting(caller).await, std::slice::from_ref(&closing));
    }
    for caller in [app.committee("C2"), app.viewer(None), app.examiner_of("B4")] {
        assert_eq!(found.waiting(&caller).await, nothing);
    }

    let over = json!({ "nextReviewOn": "2026-03-10" });
    let row = step_with(&committee, "closeRectification", &row, over)
        .await
        .unwrap();
    assert_eq!(found.waiting(&committee).await, nothing);
    app.clock.set("2026-03-10T02:00:00Z");
    let committee = app.committee("C1");
    let review = json!([
        "REVIEW_RECTIFICATION",
        "Review the rectification: 乙",
        "2026-03-10",
        "AMBER"
    ]);
    assert_eq!(found.waiting(&committee).await, [review]);
    let row = step(&committee, "reviewRectification", &row).await.unwrap();
    assert_eq!(found.waiting(&committee).await, nothing);
    app.clock.set("2026-06-30T02:00:00Z");
    let committee = app.committee("C1");
    let todos = found.waiting(&committee).await;
    assert_eq!(todos.len(), 1);
    assert_eq!(todos[0][3], "RED");
    assert_eq!(row["nextReviewOn"], "2026-06-08");
});
