//! Vetoes: what they hold up, what they let go, and who is shown them.

use serde_json::{Value, json};

use super::selection::{Selection, decide, refusals};
use crate::support::on_both;

on_both!(
    a_veto_between_recommendation_and_decision_holds_it_up,
    |db| async move {
        let selection = Selection::new(db, &["GOVERNMENT", "GOVERNMENT"], 5).await;
        let app = &selection.app;
        let recommended = selection.recommended(1).await;
        let first = selection.veto(1).await;
        let (vetoed, eligibility) = selection.seen(&selection.secretary(1), 1).await;
        assert_eq!(
            (&vetoed["state"], &vetoed["version"]),
            (&json!("VETOED"), &json!(3))
        );
        assert_eq!(vetoed["eligibility"]["vetoed"], true);
        assert_eq!(eligibility["vetoed"], true);
        let decision = decide(&app.admin(), "decideGold", &vetoed, Some(true)).await;
        assert_eq!(decision, Err(vec!["VETO_OPEN".to_owned()]));
        let stale = decide(&app.admin(), "decideGold", &recommended, Some(true)).await;
        assert_eq!(stale, Err(vec!["VERSION_CONFLICT".to_owned()]));
        // Only the last one that is lifted gives it back.
        let second = selection.veto(1).await;
        selection.lift(&first).await;
        assert_eq!(selection.seen(&app.admin(), 1).await.0["state"], "VETOED");
        selection.lift(&second).await;
        let (back, eligibility) = selection.seen(&app.admin(), 1).await;
        assert_eq!(
            (&back["state"], &back["version"]),
            (&json!("RECOMMENDED"), &json!(4))
        );
        assert_eq!(eligibility["vetoed"], false);
        // Who lifted it has recommended nothing, and decides.
        let awarded = decide(&app.admin(), "decideGold", &back, Some(true))
            .await
            .unwrap();
        let states: Vec<&str> = awarded["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["state"].as_str().unwrap())
            .collect();
        assert_eq!(
            states,
            ["APPLIED", "RECOMMENDED", "VETOED", "RECOMMENDED", "AWARDED"]
        );
        // A title is not touched by a veto: the district revokes it.
        selection.veto(1).await;
        assert_eq!(selection.seen(&app.admin(), 1).await.0["state"], "AWARDED");
    }
);

on_both!(what_was_applied_returns_to_applied, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT", "GOVERNMENT"], 5).await;
    let app = &selection.app;
    selection.apply(1).await.unwrap();
    let veto = selection.veto(1).await;
    let (vetoed, _) = selection.seen(&app.admin(), 1).await;
    let withdrawn = decide(&selection.secretary(1), "withdrawGold", &vetoed, None).await;
    assert_eq!(withdrawn, Err(vec!["INVALID_TRANSITION".to_owned()]));
    selection.lift(&veto).await;
    let (back, _) = selection.seen(&app.admin(), 1).await;
    assert_eq!(back["state"], "APPLIED");
    let favourable = Some(true);
    decide(&app.committee("C1"), "recommendGold", &back, favourable)
        .await
        .unwrap();
    // Nobody applies while one is open.
    let veto = selection.veto(2).await;
    assert_eq!(selection.apply(2).await, Err(vec!["VETO_OPEN".to_owned()]));
    selection.lift(&veto).await;
    selection.apply(2).await.unwrap();
});

on_both!(only_the_district_is_shown_vetoes, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT", "GOVERNMENT"], 5).await;
    let app = &selection.app;
    selection.apply(1).await.unwrap();
    let id = selection.veto(1).await;
    let lifted = selection.veto(2).await;
    selection.lift(&lifted).await;
    let list = "query($branch: ID, $open: Boolean) { vetoes(branchId: $branch, open: $open) {
        totalCount nodes { id kind occurredOn documentNumber liftedOn branch { code } } } }";
    for (variables, expected) in [
        (json!({}), vec![&lifted, &id]),
        (json!({ "open": true }), vec![&id]),
        (json!({ "open": false }), vec![&lifted]),
        (json!({ "branch": selection.id(1) }), vec![&id]),
        (json!({ "branch": "x" }), vec![]),
    ] {
        let answer = app.admin().ask(list, variables.clone()).await;
        let vetoes = &answer.data()["vetoes"];
        let found: Vec<&Value> = vetoes["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| &v["id"])
            .collect();
        let expected: Vec<Value> = expected.into_iter().map(|id| json!(id)).collect();
        assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{variables}");
        assert_eq!(vetoes["totalCount"], expected.len());
    }
    let node = "query($id: ID!) { node(id: $id) { ... on Veto { documentNumber } } }";
    let answer = app.admin().ask(node, json!({ "id": id })).await;
    assert_eq!(answer.data()["node"]["documentNumber"], "厦海委〔2026〕7号");
    for caller in [app.committee("C1"), selection.secretary(1), app.viewer(None)] {
        let answer = caller.ask(list, json!({})).await;
        assert_eq!(answer.data()["vetoes"], json!({ "totalCount": 0, "nodes": [] }));
        assert_eq!(
            caller.ask(node, json!({ "id": id })).await.data()["node"],
            Value::Null
        );
        // That there is one they see, and nothing of what it says.
        let (application, eligibility) = selection.seen(&caller, 1).await;
        assert_eq!(eligibility["vetoed"], true);
        let told = format!("{application}{eligibility}");
        assert!(!told.contains("7号") && !told.contains("ACCIDENT"), "{told}");
    }
});

on_both!(a_veto_has_a_day_and_a_document, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT"], 5).await;
    let record = async |occurred_on: &str, document: &str| {
        let input = json!({ "branchId": selection.id(1), "kind": "OTHER", "occurredOn": occurred_on,
            "documentNumber": document });
        let answer = selection
            .app
            .admin()
            .mutate("recordVeto", "veto { id }", input)
            .await;
        refusals(&answer, "recordVeto")
    };
    assert_eq!(record("2026-03-03", "7号").await, ["RULE_VIOLATION"]);
    assert_eq!(record("2026-03-02", " ").await, ["INVALID_INPUT"]);
    assert_eq!(record("2026-03-02", &"号".repeat(101)).await, ["INVALID_INPUT"]);
    assert_eq!(
        record("2026-03-03", "13800138000").await,
        ["RULE_VIOLATION", "INVALID_INPUT"]
    );
    assert_eq!(
        record("2026-03-02", &"号".repeat(100)).await,
        Vec::<String>::new()
    );
    let temporary = json!({ "form": "TEMPORARY" });
    let temporary = crate::support::branches::create(&selection.app, "T1", temporary).await;
    let input = json!({ "branchId": temporary, "kind": "OTHER", "occurredOn": "2026-03-02", "documentNumber": "7号" });
    let answer = selection
        .app
        .admin()
        .mutate("recordVeto", "veto { id }", input)
        .await;
    assert_eq!(refusals(&answer, "recordVeto"), ["RULE_VIOLATION"]);
    let veto = selection.veto(1).await;
    selection.lift(&veto).await;
    let again = json!({ "id": veto, "reason": "再次" });
    let answer = selection
        .app
        .admin()
        .mutate("liftVeto", "veto { id }", again)
        .await;
    assert_eq!(answer.refusal_code(), "RULE_VIOLATION");
    let nothing = json!({ "id": selection.id(1), "reason": "再次" });
    let answer = selection
        .app
        .admin()
        .mutate("liftVeto", "veto { id }", nothing)
        .await;
    assert_eq!(answer.refusal_code(), "NOT_FOUND");
});
