//! Each criterion by itself, and what is kept of them.

use serde_json::json;

use super::selection::{Selection, decide, row};
use crate::support::{branches::sql, on_both};

on_both!(each_criterion_that_fails_is_told_with_figures, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT"; 4], 5).await;
    let app = &selection.app;
    app.open_source("EJIA").await;
    let entries: Vec<_> = [2, 3, 4]
        .iter()
        .map(|n| {
            json!({ "eventId": format!("E{n}"), "branchCode": format!("B{n}"), "points": 5,
                "occurredAt": "2026-01-05T04:00:00Z" })
        })
        .collect();
    let check = |outcome: &str| {
        format!(
            "UPDATE health_check SET outcome = '{outcome}' WHERE branch_id = {}",
            row("B1")
        )
    };
    let brand = |state: &str| {
        format!(
            "UPDATE brand SET state = '{state}' WHERE branch_id = {}",
            row("B1")
        )
    };
    let lift = "UPDATE veto SET lifted_on = '2026-03-02'".to_owned();
    let veto = format!(
        "INSERT INTO veto (branch_id, kind, occurred_on, document_number) VALUES ({}, 'OTHER', '2026-01-01', '7号')",
        row("B1")
    );
    let percent = |percent: i32| format!("UPDATE campaign SET top_percent = {percent} WHERE year = 2026");
    let push = json!({ "sourceCode": "EJIA", "entries": entries });
    app.admin().mutate("pushPoints", "accepted", push).await.done();
    sql(app, vec![percent(100)]).await;
    // What fails, how it is put right again, the field that says so, the code, and the sentence.
    let cases = [
        (
            check("FAIL"),
            check("PASS"),
            "healthCheckPassed",
            "RULE_VIOLATION",
            "Health check of 2026: failed",
        ),
        (
            check("PENDING"),
            check("PASS"),
            "healthCheckPassed",
            "RULE_VIOLATION",
            "no outcome yet",
        ),
        (
            percent(30),
            percent(100),
            "pointsInTop",
            "RULE_VIOLATION",
            "Points of 2026: rank 4 of 4 in its field, needs 1 or better (the best 30 %)",
        ),
        (
            brand("DRAFT"),
            brand("PUBLISHED"),
            "hasBrand",
            "RULE_VIOLATION",
            "Brand: none published",
        ),
        (veto, lift, "vetoed", "VETO_OPEN", "Veto: one is open"),
    ];
    for (broken, mended, field, code, sentence) in cases {
        sql(app, vec![broken]).await;
        let secretary = selection.secretary(1);
        let (_, eligibility) = selection.seen(&secretary, 1).await;
        assert_eq!(eligibility["eligible"], false);
        for flag in ["healthCheckPassed", "pointsInTop", "hasBrand", "vetoed"] {
            let good = flag != "vetoed";
            assert_eq!(
                eligibility[flag],
                (flag == field) != good,
                "{field}: {eligibility}"
            );
        }
        let reasons = eligibility["reasons"].as_array().unwrap();
        assert_eq!(reasons.len(), 4);
        assert!(
            reasons
                .iter()
                .any(|reason| reason.as_str().unwrap().contains(sentence)),
            "{reasons:?}"
        );
        let input = json!({ "branchId": selection.id(1), "year": 2026, "statement": "材料" });
        let answer = secretary
            .mutate("applyForGold", "goldApplication { id }", input)
            .await;
        let (found, path, message) = answer.refused();
        assert_eq!((found.as_str(), path.as_str()), (code, "branchId"), "{message}");
        assert!(message.contains(sentence), "{message}");
        sql(app, vec![mended]).await;
    }
    // In the caller's language.
    let (_, chinese) = selection.seen(&selection.secretary(1).in_language("zh"), 1).await;
    assert!(chinese["reasons"][1].as_str().unwrap().contains("列第 4 名"));
    // Two at once are both told.
    sql(app, vec![check("FAIL"), brand("DRAFT")]).await;
    let both = vec!["RULE_VIOLATION".to_owned(); 2];
    assert_eq!(selection.apply(1).await, Err(both));
    // A plan without a brand asks for none.
    let no_brand = "UPDATE campaign SET require_brand = false WHERE year = 2026".to_owned();
    sql(app, vec![check("PASS"), no_brand]).await;
    let applied = selection.apply(1).await.unwrap();
    assert_eq!(
        (
            &applied["eligibility"]["eligible"],
            &applied["eligibility"]["hasBrand"]
        ),
        (&json!(true), &json!(false))
    );
});

on_both!(who_shares_the_last_good_rank_is_among_the_best, |db| async move {
    let selection = Selection::new(db, &["RURAL"; 7], 5).await;
    let app = &selection.app;
    app.open_source("EJIA").await;
    // 30 % of 7 are 2 places; ranks 1, 2, 2, 4, 5, 5, 5. Points of another year and month count for nothing here.
    let points = [(1, 10), (2, 5), (3, 5), (4, 1)];
    let mut entries: Vec<_> = points
        .iter()
        .map(|(n, points)| {
            json!({ "eventId": format!("E{n}"), "branchCode": format!("B{n}"), "points": points,
                "occurredAt": "2026-01-05T04:00:00Z" })
        })
        .collect();
    entries.push(
        json!({ "eventId": "E9", "branchCode": "B7", "points": 99, "occurredAt": "2025-12-05T04:00:00Z" }),
    );
    let push = json!({ "sourceCode": "EJIA", "entries": entries });
    app.admin().mutate("pushPoints", "accepted", push).await.done();
    for (n, expected) in [
        (1, true),
        (2, true),
        (3, true),
        (4, false),
        (5, false),
        (7, false),
    ] {
        let (_, eligibility) = selection.seen(&app.admin(), n).await;
        assert_eq!(eligibility["pointsInTop"], expected, "{n}: {eligibility}");
        assert_eq!(selection.apply(n).await.is_ok(), expected, "{n}");
    }
    // A correction by the district moves the line.
    let adjust = json!({ "branchId": selection.id(4), "points": 20, "occurredAt": "2026-02-01T04:00:00Z",
        "documentNumber": "1号", "note": "补记" });
    app.admin()
        .mutate("adjustPoints", "pointEntry { id }", adjust)
        .await
        .done();
    let (application, eligibility) = selection.seen(&app.admin(), 2).await;
    assert_eq!(eligibility["pointsInTop"], false, "{eligibility}");
    assert_eq!(application["eligibility"]["pointsInTop"], true, "frozen");
});

on_both!(what_was_found_is_frozen_until_the_next_step, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT", "GOVERNMENT"], 5).await;
    let app = &selection.app;
    let applied = selection.apply(1).await.unwrap();
    sql(app, vec!["UPDATE brand SET state = 'ARCHIVED'".to_owned()]).await;
    let (application, eligibility) = selection.seen(&selection.secretary(1), 1).await;
    assert_eq!(application["eligibility"]["hasBrand"], true);
    assert_eq!(eligibility["hasBrand"], false);
    // A favourable step while a criterion fails is refused and freezes nothing; one against it goes on, and does.
    let committee = app.committee("C1");
    let rule = Err(vec!["RULE_VIOLATION".to_owned()]);
    assert_eq!(
        decide(&committee, "recommendGold", &applied, Some(true)).await,
        rule
    );
    let against = decide(&committee, "recommendGold", &applied, Some(false))
        .await
        .unwrap();
    assert_eq!(against["state"], "NOT_RECOMMENDED");
    assert_eq!(against["eligibility"]["hasBrand"], false);

    sql(app, vec!["UPDATE brand SET state = 'PUBLISHED'".to_owned()]).await;
    let recommended = selection.recommended(2).await;
    sql(app, vec!["UPDATE health_check SET outcome = 'FAIL'".to_owned()]).await;
    assert_eq!(
        decide(&app.admin(), "decideGold", &recommended, Some(true)).await,
        rule
    );
    let withdrawn = decide(&selection.secretary(2), "withdrawGold", &recommended, None)
        .await
        .unwrap();
    assert_eq!(withdrawn["eligibility"]["healthCheckPassed"], false);
});

on_both!(there_is_nothing_to_meet_where_nobody_is_chosen, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT", "GOVERNMENT"], 5).await;
    sql(
        &selection.app,
        vec!["UPDATE branch SET form = 'TEMPORARY' WHERE code = 'B2'".to_owned()],
    )
    .await;
    let query = "query($a: ID!, $b: ID!) {
        a: branch(by: { id: $a }) { a: goldEligibility(year: 2025) { eligible } b: goldEligibility(year: 1) { eligible } }
        b: branch(by: { id: $b }) { a: goldEligibility(year: 2026) { eligible } } }";
    let variables = json!({ "a": selection.id(1), "b": selection.id(2) });
    let answer = selection.app.admin().ask(query, variables).await;
    assert_eq!(
        answer.data(),
        &json!({ "a": { "a": null, "b": null }, "b": { "a": null } })
    );
});
