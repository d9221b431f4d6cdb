//! What is refused, each with its rule and nothing done.

use serde_json::{Value, json};

use super::examined::{Examined, KINDS, mutate};
use crate::support::on_both;

on_both!(an_answer_is_refused_with_its_rule, |db| async move {
    let year = Examined::new(db).await;
    let secretary = year.app.secretary_of("B1");
    let before = year.check("B1").await;
    let text = |n: usize| "述".repeat(n);
    for (answers, expected) in [
        (json!([]), "INVALID_INPUT answers"),
        (
            json!([{ "itemCode": "R-DEC-01", "verdict": "MET" }]),
            "RULE_VIOLATION answers.0.itemCode",
        ),
        (
            json!([{ "itemCode": "X-COM-01", "verdict": "MET", "score": 5 }]),
            "INVALID_INPUT answers.0.score",
        ),
        (
            json!([{ "itemCode": "X-COM-01", "verdict": "MET", "score": -1 }]),
            "INVALID_INPUT answers.0.score",
        ),
        (
            json!([{ "itemCode": "X-COM-01", "verdict": "MET" }]),
            "INVALID_INPUT answers.0.score",
        ),
        (
            json!([{ "itemCode": "X-COM-01", "verdict": "MET", "score": 2 }]),
            "INVALID_INPUT answers.0.verdict",
        ),
        (
            json!([{ "itemCode": "X-COM-01", "verdict": "NOT_MET", "score": 3 }]),
            "INVALID_INPUT answers.0.verdict",
        ),
        (
            json!([{ "itemCode": "X-COM-01", "verdict": "NOT_APPLICABLE" }]),
            "RULE_VIOLATION answers.0.verdict",
        ),
        (
            json!([{ "itemCode": "R-ORG-01", "verdict": "MET", "score": 2 }]),
            "INVALID_INPUT answers.0.score",
        ),
        (
            json!([{ "itemCode": "X-RUR-01", "verdict": "MET", "score": 4 }]),
            "INVALID_INPUT answers.0.itemCode",
        ),
        (
            json!([{ "itemCode": "R-ORG-99", "verdict": "MET" }]),
            "INVALID_INPUT answers.0.itemCode",
        ),
        (
            json!([{ "itemCode": "R-ORG-01", "verdict": "MET" }, { "itemCode": "r-org-01", "verdict": "MET" }]),
            "INVALID_INPUT answers.1.itemCode",
        ),
        (
            json!([{ "itemCode": "R-ORG-01", "verdict": "MET", "evidence": ["联系人 13800138000"] }]),
            "INVALID_INPUT answers.0.evidence.0",
        ),
        (
            json!([{ "itemCode": "R-ORG-01", "verdict": "MET", "evidence": vec!["x"; 21] }]),
            "INVALID_INPUT answers.0.evidence",
        ),
        (
            json!([{ "itemCode": "R-ORG-01", "verdict": "MET", "note": text(1001) }]),
            "INVALID_INPUT answers.0.note",
        ),
        (
            json!(vec![json!({ "itemCode": "R-ORG-01", "verdict": "MET" }); 51]),
            "INVALID_INPUT answers",
        ),
        // Everything that is wrong is said at once.
        (
            json!([{ "itemCode": "R-DEC-01", "verdict": "MET" }, { "itemCode": "X-COM-01", "verdict": "MET", "score": 9 }]),
            "RULE_VIOLATION answers.0.itemCode; INVALID_INPUT answers.1.score",
        ),
    ] {
        let answers: Vec<Value> = answers.as_array().unwrap().clone();
        let said = year.answer(&secretary, "B1", answers.clone()).await.unwrap_err();
        assert_eq!(said, expected, "{answers:?}");
    }
    assert_eq!(year.check("B1").await, before);
    // A rule in words, in the caller's language.
    let input = json!({ "healthCheckId": before["id"], "version": 1, "answers": [{ "itemCode": "X-RUR-01", "verdict": "MET", "score": 4 }] });
    let answer = secretary
        .in_language("zh")
        .mutate("answerCheckItems", "", input)
        .await;
    assert_eq!(
        answer.refused().2,
        "项目 X-RUR-01 只适用于领域 RURAL，不属于该支部的体检"
    );
});

on_both!(a_self_check_is_handed_in_whole, |db| async move {
    let year = Examined::new(db).await;
    let secretary = year.app.secretary_of("B1");
    let said = year.step(&secretary, "submitSelfCheck", "B1").await.unwrap_err();
    assert_eq!(said, "INVALID_TRANSITION id");
    let mut answers = year.all_met("B1").await;
    answers.truncate(37);
    year.answer(&secretary, "B1", answers).await.unwrap();
    let check = year.check("B1").await;
    let input = json!({ "id": check["id"], "version": check["version"] });
    let refused = secretary.mutate("submitSelfCheck", "", input).await.refused();
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("RULE_VIOLATION", "id"));
    assert!(
        refused.2.starts_with("2 items are not answered: X-COM-0"),
        "{}",
        refused.2
    );
    assert_eq!(year.check("B1").await, check);
    // An answer that was taken back is missing again.
    let back = json!({ "itemCode": "R-ORG-01", "verdict": "UNANSWERED" });
    year.answer(&secretary, "B1", vec![back]).await.unwrap();
    assert_eq!(year.results("B1").await["R-ORG-01"]["verdict"], "UNANSWERED");
    // The version that was read is an old one by now.
    let input = json!({ "id": check["id"], "version": check["version"] });
    let refused = secretary
        .mutate("submitSelfCheck", "", input)
        .await
        .refusal_code();
    assert_eq!(refused, "VERSION_CONFLICT");
});

on_both!(
    a_consultation_needs_all_four_visits_of_somebody_else,
    |db| async move {
        let year = Examined::new(db).await;
        year.submitted("B1", &[]).await;
        let check = year
            .step(&year.app.committee("C1"), "assignExaminers", "B1")
            .await
            .unwrap();
        let examiner = year.examiner_of("B4");
        let visit = |kind: &str, day: &str| json!({ "healthCheckId": check["id"], "kind": kind, "visitedOn": day, "summary": "看过了" });
        for (who, said) in [
            (year.examiner_of("B1"), "NOT_FOUND"),
            (year.examiner_of_no_branch(), "RULE_VIOLATION healthCheckId"),
        ] {
            let refused = mutate(&who, "recordVisit", visit("REPORT", "2026-03-01"))
                .await
                .unwrap_err();
            assert!(refused.starts_with(said), "{refused}");
            let refused = year
                .step_with(&who, "concludeConsultation", &check)
                .await
                .unwrap_err();
            assert!(refused.starts_with(said), "{refused}");
        }
        for (day, path) in [("2026-03-03", "visitedOn"), ("2025-12-31", "visitedOn")] {
            let refused = mutate(&examiner, "recordVisit", visit("REPORT", day))
                .await
                .unwrap_err();
            assert_eq!(refused, format!("INVALID_INPUT {path}"));
        }
        for kind in &KINDS[..3] {
            mutate(&examiner, "recordVisit", visit(kind, "2026-03-01"))
                .await
                .unwrap();
        }
        let before = year.check("B1").await;
        let input = json!({ "healthCheckId": before["id"], "version": before["version"], "verdicts": [], "evaluation": "好" });
        let refused = examiner
            .mutate("concludeConsultation", "", input.clone())
            .await
            .refused();
        assert_eq!(
            (refused.0.as_str(), refused.1.as_str()),
            ("RULE_VIOLATION", "healthCheckId")
        );
        assert_eq!(
            refused.2,
            "A consultation needs one visit of each kind (四个一); missing: feedback (FEEDBACK)"
        );
        assert_eq!(year.check("B1").await, before);
        // One more of a kind takes its place.
        mutate(&examiner, "recordVisit", visit("REPORT", "2026-03-02"))
            .await
            .unwrap();
        mutate(&examiner, "recordVisit", visit("FEEDBACK", "2026-03-02"))
            .await
            .unwrap();
        let check = year.check("B1").await;
        assert_eq!(check["visits"].as_array().unwrap().len(), 4);
        // What is wrong with findings and verdicts is said at once, and nothing is done.
        let mut input = json!({ "healthCheckId": check["id"], "version": check["version"], "evaluation": " ",
        "verdicts": [{ "itemCode": "R-ORG-01", "verdict": "UNANSWERED" }, { "itemCode": "R-DEC-02", "verdict": "MET" }],
        "findings": [{ "aspect": "ROLE", "itemCode": "R-ORG-01", "title": "t", "prescription": "p", "dueOn": "2026-03-01" }] });
        let said = mutate(&examiner, "concludeConsultation", input.clone())
            .await
            .unwrap_err();
        assert_eq!(
            said,
            "INVALID_INPUT verdicts.0.verdict; RULE_VIOLATION verdicts.1.note; INVALID_INPUT evaluation; \
         INVALID_INPUT findings.0.dueOn; INVALID_INPUT findings.0.itemCode"
        );
        assert_eq!(year.check("B1").await, check);
        input["verdicts"] = json!([]);
        input["evaluation"] = json!("好");
        input["findings"] = json!([{ "aspect": "ROLE", "title": "阵地陈旧", "prescription": "更新展板", "dueOn": "2026-04-01" }]);
        let check = mutate(&examiner, "concludeConsultation", input).await.unwrap();
        assert_eq!(check["stage"], "RECTIFICATION");
    }
);

on_both!(a_recheck_turns_only_what_was_put_right, |db| async move {
    let year = Examined::new(db).await;
    let held = ["2026-01-05", "2026-02-05"];
    for activity in ["COMMITTEE_MEETING", "THEME_DAY", "GROUP_MEETING"] {
        year.held("B1", activity, &held).await;
    }
    let not_met = |item: &str| json!({ "itemCode": item, "verdict": "NOT_MET" });
    year.submitted("B1", &[not_met("R-ROLE-01"), not_met("R-ROLE-02")])
        .await;
    year.concluded("B1", &[]).await;
    let (admin, examiner) = (year.app.admin(), year.examiner_of("B4"));
    let open = year.open("B1").await;
    let waived = open.iter().find(|row| row["itemCode"] == "R-ROLE-02").unwrap();
    year.rectify(&admin, "waiveRectification", waived).await;
    year.put_right("B1").await;
    let before = year.check("B1").await;
    assert_eq!(before["stage"], "RECHECK");
    for (answer, said) in [
        (
            json!({ "itemCode": "R-ROLE-02", "verdict": "MET" }),
            "RULE_VIOLATION answers.0.itemCode",
        ),
        // However it is written.
        (
            json!({ "itemCode": "r-role-02", "verdict": "MET" }),
            "RULE_VIOLATION answers.0.itemCode",
        ),
        (
            json!({ "itemCode": "R-ROLE-05", "verdict": "MET" }),
            "RULE_VIOLATION answers.0.verdict",
        ),
        (
            json!({ "itemCode": "R-ROLE-01", "verdict": "NOT_APPLICABLE" }),
            "RULE_VIOLATION answers.0.verdict",
        ),
        (
            json!({ "itemCode": "R-ROLE-05", "verdict": "NOT_MET" }),
            "RULE_VIOLATION answers.0.verdict",
        ),
    ] {
        let refused = year
            .answer(&examiner, "B1", vec![answer.clone()])
            .await
            .unwrap_err();
        assert_eq!(refused, said, "{answer}");
    }
    assert_eq!(year.check("B1").await, before);
    let met = json!({ "itemCode": "R-ROLE-01", "verdict": "MET" });
    let own = year.examiner_of("B1");
    let refused = year.answer(&own, "B1", vec![met.clone()]).await.unwrap_err();
    assert!(refused.starts_with("NOT_FOUND"));
    let check = year.answer(&examiner, "B1", vec![met]).await.unwrap();
    assert_eq!(check["outcome"], "PASS");
});

on_both!(an_examiner_who_closes_did_not_submit, |db| async move {
    let year = Examined::new(db).await;
    year.in_stage("B1", "RECTIFICATION").await;
    let row = year.open("B1").await.remove(0);
    let row = year
        .rectify(&year.app.committee("C1"), "assignRectification", &row)
        .await;
    // The same person with a secretary's token, and an examiner's.
    let submitter = year.app.as_role(
        zhibu::auth::Role::BranchOfficer,
        "examiner-1",
        None,
        Some("B1"),
        None,
    );
    let row = year.rectify(&submitter, "submitRectification", &row).await;
    let input = json!({ "id": row["id"], "version": row["version"], "note": "看过了" });
    let examiner = year.examiner_of("B4");
    let refused = examiner
        .mutate("closeRectification", "", input)
        .await
        .refusal_code();
    assert_eq!(refused, "RULE_VIOLATION");
});

on_both!(who_examines_is_an_opaque_subject, |db| async move {
    let year = Examined::new(db).await;
    let check = year.check("B1").await;
    let assign = async |subjects: Value| {
        let check = year.check("B1").await;
        let input =
            json!({ "healthCheckId": check["id"], "version": check["version"], "subjects": subjects });
        mutate(&year.app.committee("C1"), "assignExaminers", input).await
    };
    for (subjects, said) in [
        (json!(["13800138000"]), "INVALID_INPUT subjects.0"),
        (json!(["ok", ""]), "INVALID_INPUT subjects.1"),
        (
            json!((0..21).map(|n| format!("e-{n}")).collect::<Vec<_>>()),
            "INVALID_INPUT subjects",
        ),
    ] {
        assert_eq!(assign(subjects).await.unwrap_err(), said);
    }
    assert_eq!(year.check("B1").await, check);
    let assigned = assign(json!(["b", "a", "b"])).await.unwrap();
    assert_eq!(assigned["examiners"], json!(["a", "b"]));
    assert_eq!(assign(json!([])).await.unwrap()["examiners"], json!([]));
});

on_both!(
    an_examiner_acts_on_what_was_assigned_and_nothing_else,
    |db| async move {
        let year = Examined::new(db).await;
        let (app, admin) = (&year.app, year.app.admin());
        year.in_stage("B1", "RECTIFICATION").await;
        let query =
            r#"{ branch(by: { code: "B1" }) { rectifications(first: 1) { nodes { id version state } } } }"#;
        let row = admin.past_results().data(query).await["branch"]["rectifications"]["nodes"][0].clone();
        let row = year
            .rectify(&app.admin(), "assignRectification", &with_due(row))
            .await;
        let row = year
            .rectify(&app.secretary_of("B1"), "submitRectification", &row)
            .await;
        // Next year somebody else examines it.
        app.clock.set("2027-01-04T02:00:00Z");
        let campaign =
            json!({ "year": 2027, "theme": "t", "windowFrom": "2027-01-01", "windowTo": "2027-12-31" });
        app.admin()
            .mutate("openCampaign", "campaign { id }", campaign)
            .await
            .done();
        let check = year.check("B1").await;
        assert_eq!(check["year"], 2027);
        let next = || app.as_role(zhibu::auth::Role::Examiner, "examiner-2", None, Some("B4"), None);
        let input =
            json!({ "healthCheckId": check["id"], "version": check["version"], "subjects": ["examiner-2"] });
        mutate(&app.admin(), "assignExaminers", input).await.unwrap();
        let close = json!({ "id": row["id"], "version": row["version"], "note": "看过了" });
        // The problem is the other check's.
        let refused = next().mutate("closeRectification", "", close.clone()).await;
        assert_eq!(refused.error_code(), "FORBIDDEN");
        // What a consultation finds belongs to this year's check, which is not assigned to last year's examiner.
        let finding = json!({ "aspect": "ROLE", "title": "t", "prescription": "p", "dueOn": "2027-03-01" });
        let raise =
            json!({ "branchId": year.branch_id("B1").await, "origin": "CONSULTATION", "finding": finding });
        let refused = year
            .examiner_of("B4")
            .mutate("raiseRectification", "", raise.clone())
            .await;
        assert_eq!(refused.error_code(), "FORBIDDEN");
        next().mutate("raiseRectification", "", raise).await.done();
        // Nobody examines the branch that theirs was merged into, nor one without a branch anything.
        let no_branch = app.examiner_of_no_branch();
        let refused = no_branch
            .mutate("closeRectification", "", close.clone())
            .await
            .refusal_code();
        assert_eq!(refused, "RULE_VIOLATION");
        let query = r#"{ branch(by: { code: "B3" }) { id version } }"#;
        let branch = app.admin().past_results().data(query).await["branch"].clone();
        let merge = json!({ "id": branch["id"], "version": branch["version"], "intoBranchId": year.branch_id("B1").await,
        "effectiveOn": "2027-01-04", "reason": "调整" });
        app.admin()
            .mutate("mergeBranch", "branch { id }", merge)
            .await
            .done();
        let refused = year
            .examiner_of("B3")
            .mutate("closeRectification", "", close.clone())
            .await;
        assert_eq!(refused.refusal_code(), "RULE_VIOLATION");
        year.examiner_of("B4")
            .mutate("closeRectification", "", close)
            .await
            .done();
    }
);

/// A rectification with a day by which it can be assigned.
fn with_due(mut row: Value) -> Value {
    row["dueOn"] = json!("2026-04-01");
    row
}

on_both!(who_examined_a_closed_check_can_be_taken_off_it, |db| async move {
    let year = Examined::new(db).await;
    year.in_stage("B1", "CLOSED").await;
    let assign = async |subjects: Value| {
        let check = year.check("B1").await;
        let input =
            json!({ "healthCheckId": check["id"], "version": check["version"], "subjects": subjects });
        mutate(&year.app.committee("C1"), "assignExaminers", input).await
    };
    for subjects in [
        json!(["examiner-1"]),
        json!(["examiner-1", "examiner-2"]),
        json!(["examiner-2"]),
    ] {
        assert_eq!(
            assign(subjects).await.unwrap_err(),
            "INVALID_TRANSITION healthCheckId"
        );
    }
    assert_eq!(assign(json!([])).await.unwrap()["examiners"], json!([]));
    assert!(year.seen_by(&year.examiner_of("B4"), "B1").await.is_null());
});

on_both!(
    records_that_come_late_do_not_stand_in_an_answers_way,
    |db| async move {
        let year = Examined::new(db).await;
        for activity in ["COMMITTEE_MEETING", "GROUP_MEETING"] {
            year.held("B1", activity, &["2026-01-05", "2026-02-05"]).await;
        }
        let not_met = json!({ "itemCode": "R-ROLE-01", "verdict": "NOT_MET" });
        year.submitted("B1", &[not_met]).await;
        year.concluded("B1", &[]).await;
        year.put_right("B1").await;
        // No theme day was recorded; it is now, and nobody has counted again.
        assert_eq!(year.results("B1").await["R-LIFE-03"]["verdict"], "NOT_MET");
        year.held("B1", "THEME_DAY", &["2026-01-05", "2026-02-05"]).await;
        let met = |item: &str| json!({ "itemCode": item, "verdict": "MET" });
        let check = year
            .answer(
                &year.examiner_of("B4"),
                "B1",
                vec![met("R-LIFE-03"), met("R-ROLE-01")],
            )
            .await
            .unwrap();
        assert_eq!(
            (&check["regularScore"], &check["outcome"]),
            (&json!(100.0), &json!("PASS"))
        );
    }
);

on_both!(evidence_is_refused_before_any_of_it_is_lost, |db| async move {
    let year = Examined::new(db).await;
    let many = |who: &str| -> Vec<String> { (0..20).map(|n| format!("{who} {n}")).collect() };
    let answer = json!({ "itemCode": "R-ROLE-01", "verdict": "NOT_MET", "evidence": many("branch") });
    year.submitted("B1", &[answer]).await;
    let verdict = |who: &str| json!({ "itemCode": "R-ROLE-01", "verdict": "NOT_MET", "evidence": many(who) });
    let check = year.visited("B1").await;
    let mut input = json!({ "healthCheckId": check["id"], "version": check["version"], "evaluation": "好",
        "verdicts": [verdict("examiner")] });
    input["verdicts"][0]["evidence"] = json!((0..21).map(|n| n.to_string()).collect::<Vec<_>>());
    let said = mutate(&year.examiner_of("B4"), "concludeConsultation", input.clone())
        .await
        .unwrap_err();
    assert_eq!(said, "INVALID_INPUT verdicts.0.evidence");
    let pieces = async || {
        let results = year.results("B1").await;
        results["R-ROLE-01"]["evidence"].as_array().unwrap().len()
    };
    input["verdicts"] = json!([verdict("examiner")]);
    mutate(&year.examiner_of("B4"), "concludeConsultation", input)
        .await
        .unwrap();
    assert_eq!(pieces().await, 40);
    year.put_right("B1").await;
    let met = async |evidence: Vec<String>| {
        let met = json!({ "itemCode": "R-ROLE-01", "verdict": "MET", "evidence": evidence });
        year.answer(&year.examiner_of("B4"), "B1", vec![met]).await
    };
    // What is there already, or twice in one answer, is no more of it.
    let mut evidence = many("recheck").split_off(3);
    evidence.extend(["recheck 7", "branch 2", "examiner 2"].map(str::to_owned));
    met(evidence).await.unwrap();
    assert_eq!(pieces().await, 57);
});
