//! What records say of a branch.

use serde_json::{Value, json};

use super::examined::{Examined, mutate};
use crate::support::on_both;

fn shown(results: &serde_json::Map<String, Value>, code: &str) -> (String, String) {
    let result = &results[code];
    let computed = result["computed"].as_str().unwrap_or("-").to_owned();
    (result["verdict"].as_str().unwrap().to_owned(), computed)
}

fn is(verdict: &str, computed: &str) -> (String, String) {
    (verdict.to_owned(), computed.to_owned())
}

on_both!(computed_items_are_counted_from_what_was_booked, |db| async move {
    let year = Examined::new(db).await;
    let app = &year.app;
    app.clock.set("2026-07-15T02:00:00Z");
    // One meeting of two in the same quarter; none in another.
    year.held("B1", "GENERAL_MEETING", &["2026-01-10", "2026-02-10"])
        .await;
    let months: Vec<String> = (1..=7).map(|month| format!("2026-0{month}-05")).collect();
    let months: Vec<&str> = months.iter().map(String::as_str).collect();
    year.held("B1", "THEME_DAY", &months).await;
    year.held("B1", "COMMITTEE_MEETING", &months[..5]).await;
    year.held("B1", "DEMOCRATIC_APPRAISAL", &["2026-07-01", "2025-12-31"])
        .await;
    // What was reversed was not held; a reversal of another counts for nothing here.
    let reversal = |event: &str, target: &str| {
        json!({ "eventId": event, "branchCode": "B1", "kind": "REVERSAL",
        "refersTo": target, "points": 0, "occurredAt": "2026-03-06T02:00:00Z" })
    };
    let push = json!({ "sourceCode": "EJIA", "entries": [reversal("V1", "B1-THEME_DAY-2026-03-05"), reversal("V2", "B1-NONE")] });
    app.admin().mutate("pushPoints", "accepted", push).await.done();
    // A revision moves a meeting from June to May: June is empty.
    year.held("B1", "GROUP_MEETING", &months).await;
    let moved = json!({ "sourceCode": "EJIA", "entries": [{ "eventId": "B1-GROUP_MEETING-2026-06-05", "revision": 2, "branchCode": "B1",
        "activity": "GROUP_MEETING", "points": 5, "occurredAt": "2026-05-06T02:00:00Z" }] });
    app.admin().mutate("pushPoints", "accepted", moved).await.done();
    year.submitted("B1", &[]).await;
    let results = year.results("B1").await;
    for (code, expected) in [
        ("R-DEC-01", is("NOT_MET", "1 of 2 quarters")),
        ("R-DEC-02", is("NOT_MET", "5 of 6 months")),
        ("R-LIFE-01", is("NOT_MET", "6 of 7 months")),
        ("R-LIFE-02", is("NOT_MET", "0 of 2 quarters")),
        // The running month is met.
        ("R-LIFE-03", is("NOT_MET", "6 of 7 months")),
        ("R-LIFE-04", is("NOT_APPLICABLE", "No period counts yet")),
        ("R-LIFE-05", is("MET", "1 of 1 years")),
        ("R-ORG-02", is("MET", "12 members (usually at most 50)")),
        ("R-ORG-05", is("NOT_APPLICABLE", "No election is recorded")),
        ("R-ROLE-04", is("NOT_APPLICABLE", "It is in no pairing")),
        ("R-BASE-06", is("MET", "Nothing was due")),
        // Nothing is recorded of it here: the branch answers it.
        ("R-EDU-05", is("MET", "-")),
    ] {
        assert_eq!(shown(&results, code), expected, "{code}");
    }
    let zh = r#"{ branch(by: { code: "B1" }) { healthCheck { results(aspect: DECISION_MAKING) { computed selfVerdict } } } }"#;
    let zh = app.secretary_of("B1").in_language("zh").data(zh).await;
    assert_eq!(
        zh["branch"]["healthCheck"]["results"][0],
        json!({ "computed": "1/2 季度", "selfVerdict": "NOT_MET" })
    );

    // What comes late counts when the consultation is concluded; an examiner's verdict stays, with why.
    year.held("B1", "GENERAL_MEETING", &["2026-04-10"]).await;
    let overruled = json!({ "itemCode": "R-LIFE-03", "verdict": "MET", "note": "冲正有误，已核实开展" });
    year.concluded("B1", &[overruled]).await;
    let results = year.results("B1").await;
    assert_eq!(shown(&results, "R-DEC-01"), is("MET", "2 of 2 quarters"));
    assert_eq!(results["R-DEC-01"]["selfVerdict"], "NOT_MET");
    assert_eq!(shown(&results, "R-LIFE-03"), is("MET", "6 of 7 months"));
    assert_eq!(results["R-LIFE-03"]["note"], "冲正有误，已核实开展");
    year.put_right("B1").await;
    let results = year.results("B1").await;
    // Put right in time, all of it, and so it says.
    assert_eq!(shown(&results, "R-BASE-06").0, "MET");
    assert_eq!(shown(&results, "R-LIFE-03"), is("MET", "6 of 7 months"));
    let check = year.step(&app.admin(), "closeHealthCheck", "B1").await.unwrap();
    year.held("B1", "PARTY_LECTURE", &["2026-01-09", "2026-04-09"])
        .await;
    assert_eq!(year.check("B1").await, check);
    assert_eq!(
        shown(&year.results("B1").await, "R-LIFE-02"),
        is("NOT_MET", "0 of 2 quarters")
    );
});

on_both!(what_is_not_asked_of_a_branch_is_not_applicable, |db| async move {
    let year = Examined::new(db).await;
    // Six members, no groups, founded in the year, a term, a pairing.
    let over = json!({ "memberCount": 6, "foundedOn": "2026-02-15", "electedOn": "2026-02-15" });
    year.found("B8", "C1", over).await;
    year.app.give_gold("B2", "2026-01-01").await;
    let pairing = json!({ "form": "ONE_TO_MANY", "basis": "SAME_AFFILIATION", "title": "结对", "year": 2026, "startsOn": "2026-03-01",
        "leadIds": [year.branch_id("B2").await], "partnerIds": [year.branch_id("B8").await] });
    let proposed = year
        .app
        .committee("C1")
        .mutate("proposePairing", "pairing { id version }", pairing)
        .await;
    let proposed = proposed.done()["pairing"].clone();
    let no_groups = json!({ "itemCode": "R-ORG-08", "verdict": "NOT_APPLICABLE" });
    year.submitted("B8", &[no_groups]).await;
    let results = year.results("B8").await;
    for (code, expected) in [
        ("R-DEC-01", is("NOT_APPLICABLE", "No period counts yet")),
        (
            "R-DEC-02",
            is("NOT_APPLICABLE", "Too few members for a branch committee"),
        ),
        ("R-LIFE-01", is("NOT_APPLICABLE", "It has no Party groups")),
        ("R-LIFE-03", is("NOT_APPLICABLE", "No period counts yet")),
        ("R-ORG-05", is("MET", "The term runs until 2031-02-14")),
        // Proposed is not active.
        ("R-ROLE-04", is("NOT_APPLICABLE", "It is in no pairing")),
    ] {
        let shown = shown(&results, code);
        assert_eq!(shown.0, expected.0, "{code}");
        if code != "R-ORG-05" {
            assert_eq!(shown.1, expected.1, "{code}");
        }
    }
    assert!(!proposed.is_null());
});

on_both!(
    a_pairing_counts_from_the_half_year_after_joining,
    |db| async move {
        let year = Examined::new(db).await;
        let app = &year.app;
        app.give_gold("B2", "2026-01-01").await;
        let pairing = json!({ "form": "ONE_TO_MANY", "basis": "SAME_AFFILIATION", "title": "结对", "year": 2026, "startsOn": "2026-01-01",
        "leadIds": [year.branch_id("B2").await], "partnerIds": [year.branch_id("B3").await] });
        let proposed = app
            .committee("C1")
            .mutate("proposePairing", "pairing { id version }", pairing)
            .await;
        let mut pairing = proposed.done()["pairing"].clone();
        for code in ["B2", "B3"] {
            let input = json!({ "id": pairing["id"], "branchId": year.branch_id(code).await });
            let secretary = app.secretary_of(code);
            let accepted = secretary
                .mutate("acceptPairing", "pairing { id version state }", input)
                .await;
            pairing = accepted.done()["pairing"].clone();
        }
        let input = json!({ "id": pairing["id"], "version": pairing["version"] });
        let approved = app
            .committee("C1")
            .mutate("approvePairing", "pairing { id version state }", input)
            .await;
        assert_eq!(approved.done()["pairing"]["state"], "ACTIVE");
        app.clock.set("2026-12-30T02:00:00Z");
        let activity = json!({ "pairingId": pairing["id"], "heldOn": "2026-08-01", "topic": "共建", "branchIds": [year.branch_id("B3").await] });
        app.secretary_of("B3")
            .mutate("recordPairingActivity", "", activity)
            .await
            .done();
        // The running half-year is not over: who did something has met it, who did not is not asked yet.
        for (code, expected) in [
            ("B3", is("MET", "1 of 1 half-years")),
            ("B2", is("NOT_APPLICABLE", "No period counts yet")),
        ] {
            year.submitted(code, &[]).await;
            assert_eq!(shown(&year.results(code).await, "R-ROLE-04"), expected, "{code}");
        }
        app.clock.set("2027-01-01T02:00:00Z");
        year.concluded_at("B2", "2026-12-30").await;
        assert_eq!(
            shown(&year.results("B2").await, "R-ROLE-04"),
            is("NOT_MET", "0 of 1 half-years")
        );
    }
);

on_both!(
    what_is_put_right_late_counts_against_the_branch,
    |db| async move {
        let year = Examined::new(db).await;
        let app = &year.app;
        let finding =
            |due: &str| json!({ "aspect": "ROLE", "title": "t", "prescription": "p", "dueOn": due });
        let id = year.branch_id("B1").await;
        for due in ["2026-03-10", "2026-03-20"] {
            let input = json!({ "branchId": id, "origin": "INSPECTION", "finding": finding(due) });
            app.admin().mutate("raiseRectification", "", input).await.done();
        }
        app.clock.set("2026-03-15T02:00:00Z");
        year.submitted("B1", &[]).await;
        assert_eq!(
            shown(&year.results("B1").await, "R-BASE-06"),
            is("NOT_MET", "0 of 1 closed in time, 1 overdue")
        );
        let open = year.open("B1").await;
        let late = open.iter().find(|row| row["dueOn"] == "2026-03-10").unwrap();
        let mut row = late.clone();
        row["dueOn"] = json!("2026-03-15");
        // Given another day it is put right in time.
        let row = year.rectify(&app.admin(), "assignRectification", &row).await;
        let row = year
            .rectify(&app.secretary_of("B1"), "submitRectification", &row)
            .await;
        year.rectify(&app.admin(), "closeRectification", &row).await;
        let check = year.visited_at("B1", "2026-03-14").await;
        let input = json!({ "healthCheckId": check["id"], "version": check["version"], "verdicts": [], "evaluation": "好" });
        mutate(&year.examiner_of("B4"), "concludeConsultation", input)
            .await
            .unwrap();
        assert_eq!(
            shown(&year.results("B1").await, "R-BASE-06"),
            is("MET", "1 of 1 closed in time")
        );
    }
);

on_both!(
    what_a_merged_branch_held_counts_for_its_successor,
    |db| async move {
        let year = Examined::new(db).await;
        let app = &year.app;
        year.held("B1", "THEME_DAY", &["2026-01-05"]).await;
        year.held("B3", "THEME_DAY", &["2026-02-05"]).await;
        let query = r#"{ branch(by: { code: "B1" }) { id version } }"#;
        let branch = app.admin().past_results().data(query).await["branch"].clone();
        let merge = json!({ "id": branch["id"], "version": branch["version"], "intoBranchId": year.branch_id("B3").await,
        "effectiveOn": "2026-03-02", "reason": "调整" });
        app.admin()
            .mutate("mergeBranch", "branch { id }", merge)
            .await
            .done();
        year.submitted("B3", &[]).await;
        assert_eq!(
            shown(&year.results("B3").await, "R-LIFE-03"),
            is("MET", "2 of 2 months")
        );
    }
);
