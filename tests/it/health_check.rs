//! Health checks, as secretaries, examiners, committees and the district go through them.

mod computed;
pub mod examined;
mod random;
mod refused;
mod seen;

use serde_json::{Value, json};

use self::examined::{Examined, other};
use crate::support::{app::As, on_both};

const STAGES: [&str; 6] = [
    "NOT_STARTED",
    "SELF_CHECK",
    "CONSULTATION",
    "RECTIFICATION",
    "RECHECK",
    "CLOSED",
];
const ACTIONS: [&str; 6] = [
    "answerCheckItems",
    "submitSelfCheck",
    "assignExaminers",
    "recordVisit",
    "concludeConsultation",
    "closeHealthCheck",
];
const ROLES: [&str; 9] = [
    "admin",
    "C1",
    "C2",
    "branch",
    "stranger",
    "viewer",
    "examiner",
    "unassigned",
    "adapter",
];

fn caller<'a>(year: &'a Examined, role: &str) -> As<'a> {
    match role {
        "admin" => year.app.admin(),
        "C1" | "C2" => year.app.committee(role),
        "branch" => year.app.secretary_of("B1"),
        "stranger" => year.app.secretary_of("B2"),
        "viewer" => year.app.viewer(None),
        "examiner" => year.examiner_of("B4"),
        "unassigned" => year
            .app
            .as_role(zhibu::auth::Role::Examiner, "examiner-9", None, Some("B4"), None),
        _ => year.app.adapter("EJIA"),
    }
}

/// What the tables of docs/domain.md, 10 and 18 say of a check with everything it takes for its next step.
fn expected(stage: &str, role: &str, action: &str) -> Result<&'static str, &'static str> {
    let may = match action {
        "answerCheckItems" => matches!(role, "branch" | "stranger" | "examiner" | "unassigned"),
        "submitSelfCheck" => matches!(role, "branch" | "stranger"),
        "recordVisit" | "concludeConsultation" => matches!(role, "examiner" | "unassigned"),
        _ => matches!(role, "admin" | "C1" | "C2"),
    };
    if !may {
        return Err("FORBIDDEN");
    }
    if matches!(role, "stranger" | "C2" | "unassigned") {
        return Err("NOT_FOUND");
    }
    match (stage, action, role) {
        ("NOT_STARTED" | "SELF_CHECK", "answerCheckItems", "branch") => Ok("SELF_CHECK"),
        ("SELF_CHECK", "submitSelfCheck", _) => Ok("CONSULTATION"),
        ("CONSULTATION", "recordVisit", _) => Ok("CONSULTATION"),
        ("CONSULTATION", "concludeConsultation", _) => Ok("RECTIFICATION"),
        // Its item is met: in a recheck it stays so.
        ("RECHECK", "answerCheckItems", "examiner") => Err("RULE_VIOLATION"),
        ("RECHECK", "closeHealthCheck", _) => Ok("CLOSED"),
        ("CLOSED", "assignExaminers", _) => Err("INVALID_TRANSITION"),
        (_, "assignExaminers", _) => match stage {
            "NOT_STARTED" => Ok("NOT_STARTED"),
            "SELF_CHECK" => Ok("SELF_CHECK"),
            "CONSULTATION" => Ok("CONSULTATION"),
            "RECTIFICATION" => Ok("RECTIFICATION"),
            _ => Ok("RECHECK"),
        },
        _ => Err("INVALID_TRANSITION"),
    }
}

/// A branch below G1 whose check stands in a stage, assigned to the examiner, with everything the next step takes.
async fn prepared(year: &Examined, code: &str, stage: &str) {
    year.found(code, "G1", json!({})).await;
    year.in_stage(code, stage).await;
    match stage {
        "NOT_STARTED" | "SELF_CHECK" => {
            let assigned = year.step(&year.app.admin(), "assignExaminers", code).await;
            assigned.unwrap();
        }
        "CONSULTATION" => drop(year.visited(code).await),
        _ => {}
    }
}

on_both!(
    in_every_stage_every_role_may_do_what_the_table_says,
    |db| async move {
        let year = Examined::new(db).await;
        let mut n = 0;
        for stage in STAGES {
            // What is refused leaves it as it is.
            let refused = format!("R{}", stage.len());
            prepared(&year, &refused, stage).await;
            for action in ACTIONS {
                for role in ROLES {
                    let expected = expected(stage, role, action);
                    let mut code = refused.clone();
                    if expected.is_ok() {
                        n += 1;
                        code = format!("T{n}");
                        prepared(&year, &code, stage).await;
                    }
                    let who = match role {
                        "branch" => year.app.secretary_of(&code),
                        role => caller(&year, role),
                    };
                    let check = year.check(&code).await;
                    let got = year.step_with(&who, action, &check).await;
                    let case = format!("{role}: {action} in {stage}");
                    match (&got, expected) {
                        (Ok(check), Ok(to)) => assert_eq!(check["stage"], to, "{case}"),
                        (Err(said), Err(code)) => {
                            assert!(said.starts_with(code), "{case}: {said}");
                            assert_eq!(year.check(&refused).await, check, "{case}");
                        }
                        _ => panic!("{case}: {got:?}, expected {expected:?}"),
                    }
                }
            }
        }
    }
);

on_both!(a_check_goes_round_its_loop, |db| async move {
    let year = Examined::new(db).await;
    let (secretary, admin) = (year.app.secretary_of("B1"), year.app.admin());
    let check = year.check("B1").await;
    assert_eq!(
        (
            &check["stage"],
            &check["outcome"],
            &check["regularScore"],
            &check["year"]
        ),
        (
            &json!("NOT_STARTED"),
            &json!("PENDING"),
            &json!(null),
            &json!(2026)
        )
    );

    // 自检: a few at a time; the score is that of what is answered.
    let tailored = json!({ "itemCode": "X-COM-01", "verdict": "MET", "score": 3, "evidence": ["登记台账"] });
    let check = year.answer(&secretary, "B1", vec![tailored]).await.unwrap();
    assert_eq!(
        (&check["stage"], &check["regularScore"], &check["tailoredScore"]),
        (&json!("SELF_CHECK"), &json!(0.0), &json!(3.0))
    );
    // R-LIFE-01 follows R-ORG-08; R-ORG-03 is mandatory.
    let over = [
        json!({ "itemCode": "R-ORG-03", "verdict": "NOT_MET", "note": "缺一名委员" }),
        json!({ "itemCode": "R-ORG-08", "verdict": "NOT_APPLICABLE" }),
        json!({ "itemCode": "X-COM-02", "verdict": "NOT_MET", "score": 2 }),
        json!({ "itemCode": "R-ROLE-01", "verdict": "NOT_MET" }),
    ];
    let held = ["2026-01-05", "2026-02-05"];
    for activity in ["COMMITTEE_MEETING", "THEME_DAY"] {
        year.held("B1", activity, &held).await;
    }
    let check = year.submitted("B1", &over).await;
    assert_eq!(
        (&check["stage"], &check["outcome"], &check["tailoredScore"]),
        (&json!("CONSULTATION"), &json!("PENDING"), &json!(18.0))
    );
    let open = year.open("B1").await;
    let mut raised: Vec<(&str, &str, &str)> = open
        .iter()
        .map(|row| {
            assert_eq!(row["healthCheck"]["id"], check["id"]);
            assert_eq!(row["dueOn"], "2026-04-01");
            let text = |field: &str| row[field].as_str().unwrap();
            (text("itemCode"), text("severity"), text("origin"))
        })
        .collect();
    raised.sort_unstable();
    assert_eq!(
        raised,
        [
            ("R-ORG-03", "MAJOR", "SELF_CHECK"),
            ("R-ROLE-01", "MINOR", "SELF_CHECK"),
            ("X-COM-02", "MINOR", "SELF_CHECK"),
        ]
    );

    // 会诊: what the branch said was met may not be, and the other way round.
    let verdicts = [
        json!({ "itemCode": "R-ROLE-01", "verdict": "MET", "note": "现场核实已达标" }),
        json!({ "itemCode": "R-ROLE-02", "verdict": "NOT_MET", "evidence": ["走访记录"], "note": "作用不明显" }),
    ];
    let check = year.concluded("B1", &verdicts).await;
    assert_eq!(
        (
            &check["stage"],
            &check["outcome"],
            &check["evaluation"],
            &check["examiners"]
        ),
        (
            &json!("RECTIFICATION"),
            &json!("FAIL"),
            &json!("总体良好"),
            &json!(["examiner-1"])
        )
    );
    assert_eq!(check["visits"].as_array().unwrap().len(), 4);
    let results = year.results("B1").await;
    assert_eq!(
        (
            &results["R-ROLE-01"]["selfVerdict"],
            &results["R-ROLE-01"]["verdict"]
        ),
        (&json!("NOT_MET"), &json!("MET"))
    );
    assert_eq!(
        (
            &results["R-ROLE-02"]["selfVerdict"],
            &results["R-ROLE-02"]["evidence"]
        ),
        (&json!("MET"), &json!(["走访记录"]))
    );
    let open = year.open("B1").await;
    assert_eq!(open.len(), 4);
    let consultation: Vec<_> = open
        .iter()
        .filter(|row| row["origin"] == "CONSULTATION")
        .collect();
    assert_eq!(consultation[0]["itemCode"], "R-ROLE-02");

    // 整改 ⇄ 复查
    year.put_right("B1").await;
    let check = year.check("B1").await;
    // A mandatory item is not met, though its problem is closed.
    assert_eq!(
        (&check["stage"], &check["outcome"]),
        (&json!("RECHECK"), &json!("FAIL"))
    );
    let closed = "{ rectifications(filter: { states: [CLOSED] }) { nodes { id version itemCode dueOn } } }";
    let closed = admin.past_results().data(closed).await;
    let closed = closed["rectifications"]["nodes"].as_array().unwrap();
    let grave = closed.iter().find(|row| row["itemCode"] == "R-ORG-03").unwrap();
    let admin = year.app.admin();
    let grave = year.rectify(&admin, "reopenRectification", grave).await;
    assert_eq!(year.check("B1").await["stage"], "RECTIFICATION");
    let grave = year.rectify(&secretary, "submitRectification", &grave).await;
    year.rectify(&admin, "closeRectification", &grave).await;
    assert_eq!(year.check("B1").await["stage"], "RECHECK");
    let met = |item: &str, score: Option<i32>| json!({ "itemCode": item, "verdict": "MET", "score": score });
    let answers = vec![
        met("R-ORG-03", None),
        met("R-ROLE-02", None),
        met("X-COM-02", Some(3)),
    ];
    let examiner = year.examiner_of(other("B1"));
    let check = year.answer(&examiner, "B1", answers).await.unwrap();
    assert_eq!(
        (
            &check["stage"],
            &check["outcome"],
            &check["regularScore"],
            &check["tailoredScore"]
        ),
        (&json!("RECHECK"), &json!("PASS"), &json!(100.0), &json!(19.0))
    );
    let check = year
        .step(&year.app.committee("C1"), "closeHealthCheck", "B1")
        .await
        .unwrap();
    assert_eq!(
        (&check["stage"], &check["outcome"]),
        (&json!("CLOSED"), &json!("PASS"))
    );

    // Nothing changes a closed one: not a problem that is open again, nor an entry that comes late.
    year.rectify(
        &admin,
        "reopenRectification",
        closed.iter().find(|row| row["itemCode"] == "R-ROLE-02").unwrap(),
    )
    .await;
    year.held("B1", "GROUP_MEETING", &held).await;
    assert_eq!(year.check("B1").await, check);
    // Who is asked sees the whole of it, with what each aspect scored.
    let query = "{ branch(by: { code: \"B1\" }) { healthCheck(year: 2026) { aspectScores { aspect score } results(aspect: TAILORED) { score } rectifications { totalCount } } none: healthCheck(year: 2025) { id } } }";
    let seen = secretary.past_results().data(query).await;
    let seen = &seen["branch"];
    assert_eq!(seen["none"], Value::Null);
    assert_eq!(seen["healthCheck"]["rectifications"]["totalCount"], 4);
    assert_eq!(seen["healthCheck"]["results"].as_array().unwrap().len(), 5);
    let scores = seen["healthCheck"]["aspectScores"].as_array().unwrap();
    assert_eq!(scores.len(), 7);
    assert_eq!(scores[6], json!({ "aspect": "TAILORED", "score": 95.0 }));
});

on_both!(
    nothing_to_put_right_leads_to_the_recheck_at_once,
    |db| async move {
        let year = Examined::new(db).await;
        for activity in ["COMMITTEE_MEETING", "THEME_DAY", "GROUP_MEETING"] {
            year.held("B2", activity, &["2026-01-05", "2026-02-05"]).await;
        }
        let check = year.submitted("B2", &[]).await;
        assert_eq!(check["regularScore"], json!(100.0));
        let check = year.concluded("B2", &[]).await;
        assert_eq!(
            (&check["stage"], &check["outcome"]),
            (&json!("RECHECK"), &json!("PASS"))
        );
        // A finding after the consultation takes it back.
        let finding = json!({ "aspect": "ROLE", "itemCode": "R-ROLE-02", "title": "作用不明显", "prescription": "设岗",
            "severity": "MAJOR", "dueOn": "2026-04-01" });
        let input =
            json!({ "branchId": year.branch_id("B2").await, "origin": "CONSULTATION", "finding": finding });
        let raised = year
            .examiner_of("B4")
            .mutate(
                "raiseRectification",
                "rectification { healthCheck { id } }",
                input,
            )
            .await;
        assert_eq!(raised.done()["rectification"]["healthCheck"]["id"], check["id"]);
        let check = year.check("B2").await;
        assert_eq!(
            (&check["stage"], &check["outcome"]),
            (&json!("RECTIFICATION"), &json!("FAIL"))
        );
        // What is waived is settled too, and an open MAJOR was all that stood against it.
        let row = year.open("B2").await.remove(0);
        year.rectify(&year.app.admin(), "waiveRectification", &row).await;
        let check = year.check("B2").await;
        assert_eq!(
            (&check["stage"], &check["outcome"]),
            (&json!("RECHECK"), &json!("PASS"))
        );
    }
);

on_both!(
    every_branch_that_takes_part_has_a_check_from_the_first_day,
    |db| async move {
        let year = Examined::new(db).await;
        let app = &year.app;
        let count = async |filter: &str| {
            let query = format!("{{ healthChecks(filter: {{ {filter} }}) {{ totalCount }} }}");
            app.admin().past_results().data(&query).await["healthChecks"]["totalCount"].clone()
        };
        assert_eq!(count("year: 2026").await, 4);
        assert_eq!(year.results("B1").await.len(), 50);
        // Later ones get theirs while the window is open; temporary ones take no part.
        year.found("B5", "C1", json!({ "domain": "RURAL" })).await;
        year.found("B6", "C1", json!({ "form": "TEMPORARY" })).await;
        assert_eq!(count("stages: [NOT_STARTED]").await, 5);
        assert!(year.check("B6").await.is_null());
        let tailored: Vec<String> = year
            .results("B5")
            .await
            .keys()
            .filter(|code| code.starts_with('X'))
            .cloned()
            .collect();
        assert!(tailored.iter().all(|code| code.starts_with("X-RUR-")) && tailored.len() == 5);
        app.clock.set("2027-01-02T02:00:00Z");
        year.found("B7", "C1", json!({})).await;
        assert!(year.check("B7").await.is_null());
        let campaign =
            json!({ "year": 2027, "theme": "t", "windowFrom": "2027-01-01", "windowTo": "2027-12-31" });
        app.admin()
            .mutate("openCampaign", "campaign { id }", campaign)
            .await
            .done();
        assert_eq!(
            (count("year: 2027").await, count("").await),
            (json!(6), json!(11))
        );
        // Left out, the year is the latest that the branch takes part in.
        let year_of = async |code: &str| year.check(code).await["year"].clone();
        assert_eq!(
            (year_of("B1").await, year_of("B7").await),
            (json!(2027), json!(2027))
        );
    }
);

on_both!(the_checks_of_a_branch_end_with_it, |db| async move {
    let year = Examined::new(db).await;
    year.in_stage("B1", "RECTIFICATION").await;
    year.in_stage("B2", "SELF_CHECK").await;
    let (into, input) = (year.branch_id("B3").await, async |code: &str| {
        let query = format!(r#"{{ branch(by: {{ code: "{code}" }}) {{ id version }} }}"#);
        let branch = year.app.admin().past_results().data(&query).await["branch"].clone();
        json!({ "id": branch["id"], "version": branch["version"], "effectiveOn": "2026-03-02", "reason": "调整" })
    });
    let (b1, b2) = (year.check("B1").await, year.check("B2").await);
    let mut merge = input("B1").await;
    merge["intoBranchId"] = json!(into);
    year.app
        .admin()
        .mutate("mergeBranch", "branch { id }", merge)
        .await
        .done();
    let dissolve = input("B2").await;
    year.app
        .admin()
        .mutate("dissolveBranch", "branch { id }", dissolve)
        .await
        .done();
    let seen = async |check: &Value| {
        let query = format!(
            r#"{{ node(id: {}) {{ ... on HealthCheck {{ stage outcome version }} }} }}"#,
            check["id"]
        );
        year.app.admin().past_results().data(&query).await["node"].clone()
    };
    assert_eq!(seen(&b1).await["stage"], "CLOSED");
    assert_eq!(seen(&b1).await["outcome"], b1["outcome"]);
    assert_eq!(
        (&seen(&b2).await["stage"], &seen(&b2).await["outcome"]),
        (&json!("CLOSED"), &json!("PENDING"))
    );
    // The successor's own goes on, untouched by what moved to it.
    let b3 = year.check("B3").await;
    assert_eq!((&b3["stage"], &b3["version"]), (&json!("NOT_STARTED"), &json!(1)));
    // The audit trail says what was done.
    let audit = format!(
        r#"{{ auditEntries(filter: {{ nodeId: {} }}) {{ nodes {{ action after }} }} }}"#,
        b1["id"]
    );
    year.app.settle().await;
    let audit = year.app.admin().past_results().data(&audit).await;
    let entries = audit["auditEntries"]["nodes"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["action"] == "mergeBranch"
        && entry["after"].as_str().unwrap().contains("the branch has ended")));
});

on_both!(
    a_check_follows_its_branchs_field_until_it_is_handed_in,
    |db| async move {
        let year = Examined::new(db).await;
        let admin = year.app.admin();
        let change = async |code: &str| {
            let query = format!(r#"{{ branch(by: {{ code: "{code}" }}) {{ id version }} }}"#);
            let branch = admin.clone().past_results().data(&query).await["branch"].clone();
            let input = json!({ "id": branch["id"], "version": branch["version"], "domain": "RURAL" });
            admin.mutate("updateBranch", "branch { id }", input).await.done();
        };
        let tailored = async |code: &str| -> Vec<String> {
            let codes = year.results(code).await;
            codes
                .keys()
                .filter(|code| code.starts_with('X'))
                .map(|code| code[..5].to_owned())
                .collect()
        };
        year.in_stage("B1", "SELF_CHECK").await;
        year.in_stage("B2", "CONSULTATION").await;
        let before = year.check("B1").await;
        assert_eq!(before["tailoredScore"], 20.0);
        for code in ["B1", "B2", "B3"] {
            change(code).await;
        }
        assert_eq!(tailored("B1").await, vec!["X-RUR"; 5]);
        assert_eq!(tailored("B3").await, vec!["X-RUR"; 5]);
        let check = year.check("B1").await;
        assert_eq!(
            (&check["stage"], &check["tailoredScore"]),
            (&json!("SELF_CHECK"), &json!(0.0))
        );
        assert_eq!(year.results("B1").await["R-ORG-01"]["verdict"], "MET");
        // What was handed in stays what it was, and findings are about its items.
        assert_eq!(tailored("B2").await, vec!["X-COM"; 5]);
        for (item, said) in [("X-COM-01", None), ("X-RUR-01", Some("INVALID_INPUT"))] {
            let finding = json!({ "aspect": "TAILORED", "itemCode": item, "title": "t", "prescription": "p", "dueOn": "2026-04-01" });
            let input = json!({ "branchId": year.branch_id("B2").await, "origin": "CONSULTATION", "finding": finding });
            let raised = admin
                .mutate("raiseRectification", "rectification { id }", input)
                .await;
            match said {
                None => drop(raised.done().clone()),
                Some(code) => assert_eq!(raised.refusal_code(), code),
            }
        }
        assert_eq!(
            zhibu::health_check::verify_scores(year.app.database.reader(), year.app.database.rules())
                .await
                .unwrap(),
            0
        );
    }
);
