//! Rectifications, as secretaries, committees and the district ask for them.

mod dates;
mod ended;
mod found;
mod lists;

use serde_json::{Value, json};
use zhibu::auth::Role;

use self::found::{Found, mutate, step, step_with};
use crate::support::{app::As, on_both};

const STATES: [&str; 5] = ["OPEN", "ASSIGNED", "SUBMITTED", "CLOSED", "WAIVED"];
const ACTIONS: [&str; 7] = [
    "assignRectification",
    "submitRectification",
    "closeRectification",
    "reviewRectification",
    "returnRectification",
    "reopenRectification",
    "waiveRectification",
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

fn caller<'a>(found: &'a Found, role: &str) -> As<'a> {
    match role {
        "admin" => found.app.admin(),
        "C1" | "C2" => found.app.committee(role),
        "branch" => found.app.secretary_of("B1"),
        "stranger" => found.app.secretary_of("B2"),
        "viewer" => found.app.viewer(None),
        "examiner" => found.app.examiner_of("B4"),
        "unassigned" => found
            .app
            .as_role(Role::Examiner, "examiner-9", None, Some("B4"), None),
        _ => found.app.adapter("EJIA"),
    }
}

/// What the tables of docs/domain.md, 10 and 15 say.
fn expected(state: &str, role: &str, action: &str) -> Result<&'static str, &'static str> {
    let may = match action {
        "submitRectification" => matches!(role, "branch" | "stranger"),
        "waiveRectification" => role == "admin",
        "assignRectification" | "reopenRectification" => matches!(role, "admin" | "C1" | "C2"),
        _ => matches!(role, "admin" | "C1" | "C2" | "examiner" | "unassigned"),
    };
    if !may {
        return Err("FORBIDDEN");
    }
    if matches!(role, "stranger" | "C2" | "unassigned") {
        return Err("NOT_FOUND");
    }
    match (state, action) {
        ("OPEN", "assignRectification") => Ok("ASSIGNED"),
        ("ASSIGNED", "submitRectification") => Ok("SUBMITTED"),
        ("SUBMITTED", "closeRectification") => Ok("CLOSED"),
        ("SUBMITTED", "returnRectification") => Ok("ASSIGNED"),
        ("CLOSED", "reviewRectification") => Ok("CLOSED"),
        ("CLOSED", "reopenRectification") => Ok("ASSIGNED"),
        ("OPEN" | "ASSIGNED" | "SUBMITTED", "waiveRectification") => Ok("WAIVED"),
        _ => Err("INVALID_TRANSITION"),
    }
}

on_both!(
    of_every_state_every_role_may_do_what_the_table_says,
    |db| async move {
        let found = Found::new(db).await;
        found.assign(1).await;
        for state in STATES {
            let mut row = found.in_state(1, state).await;
            for action in ACTIONS {
                for role in ROLES {
                    let expected = expected(state, role, action);
                    let got = step(&caller(&found, role), action, &row).await;
                    let case = format!("{role}: {action} of {state}");
                    match (&got, expected) {
                        (Ok(row), Ok(to)) => assert_eq!(row["state"], to, "{case}"),
                        (Err(said), Err(code)) => assert!(said.starts_with(code), "{case}: {said}"),
                        _ => panic!("{case}: {got:?}, expected {expected:?}"),
                    }
                    if got.is_ok() {
                        row = found.in_state(1, state).await;
                    }
                }
            }
        }
    }
);

on_both!(every_step_is_kept_with_who_took_it, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let over = json!({ "itemCode": "ｒ-role-01", "severity": "MAJOR", "support": ["TASK_FORCE", "PAIRING", "TASK_FORCE"] });
    let row = found.raise(1, over).await;
    assert_eq!(
        (
            &row["itemCode"],
            &row["severity"],
            &row["support"],
            &row["origin"]
        ),
        (
            &json!("R-ROLE-01"),
            &json!("MAJOR"),
            &json!(["TASK_FORCE", "PAIRING"]),
            &json!("INSPECTION")
        )
    );
    assert_eq!((&row["state"], &row["version"]), (&json!("OPEN"), &json!(1)));

    // Left out stays, null clears.
    let committee = app.committee("C1");
    let over = json!({ "dueOn": "2026-03-20", "note": null });
    let row = step_with(&committee, "assignRectification", &row, over)
        .await
        .unwrap();
    assert_eq!(
        (&row["dueOn"], &row["prescription"], &row["support"]),
        (
            &json!("2026-03-20"),
            &json!("设立示范岗"),
            &json!(["TASK_FORCE", "PAIRING"])
        )
    );
    let secretary = app.secretary_of("B1");
    let row = step(&secretary, "submitRectification", &row).await.unwrap();
    let row = step(&committee, "returnRectification", &row).await.unwrap();
    app.clock.advance(chrono::Duration::days(2));
    let (committee, secretary) = (app.committee("C1"), app.secretary_of("B1"));
    let row = step(&secretary, "submitRectification", &row).await.unwrap();
    let row = step(&committee, "closeRectification", &row).await.unwrap();
    assert_eq!(
        (&row["closedOn"], &row["nextReviewOn"], &row["light"]),
        (&json!("2026-03-04"), &json!("2026-06-02"), &json!("GREEN"))
    );
    app.clock.advance(chrono::Duration::days(90));
    let committee = app.committee("C1");
    let over = json!({ "nextReviewOn": "2026-12-01" });
    let row = step_with(&app.admin(), "reviewRectification", &row, over)
        .await
        .unwrap();
    assert_eq!(
        (&row["closedOn"], &row["nextReviewOn"], &row["version"]),
        (&json!("2026-03-04"), &json!("2026-12-01"), &json!(7))
    );
    // It was due long ago: reopened, it has its days again.
    let row = step(&committee, "reopenRectification", &row).await.unwrap();
    assert_eq!(
        (
            &row["closedOn"],
            &row["nextReviewOn"],
            &row["dueOn"],
            &row["light"]
        ),
        (&json!(null), &json!(null), &json!("2026-07-02"), &json!("BLUE"))
    );
    let steps: Vec<(&str, &str, &str)> = row["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["state"].as_str().unwrap(),
                step["by"].as_str().unwrap(),
                step["at"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        steps,
        [
            ("OPEN", "admin-1", "2026-03-02T02:00:00Z"),
            ("ASSIGNED", "officer-C1", "2026-03-02T02:00:00Z"),
            ("SUBMITTED", "secretary-B1", "2026-03-02T02:00:00Z"),
            ("ASSIGNED", "officer-C1", "2026-03-02T02:00:00Z"),
            ("SUBMITTED", "secretary-B1", "2026-03-04T02:00:00Z"),
            ("CLOSED", "officer-C1", "2026-03-04T02:00:00Z"),
            ("CLOSED", "admin-1", "2026-06-02T02:00:00Z"),
            ("ASSIGNED", "officer-C1", "2026-06-02T02:00:00Z"),
        ]
    );
    assert_eq!(row["steps"][0]["note"], json!(null));
    assert_eq!(row["steps"][7]["note"], "看过了");
});

on_both!(who_submitted_it_does_not_close_it, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let row = found.in_state(1, "SUBMITTED").await;
    // The same person, with a committee's token.
    let both = app.as_role(Role::CommitteeOfficer, "secretary-B1", Some("C1"), None, None);
    let refused = step(&both, "closeRectification", &row).await;
    assert_eq!(refused, Err("RULE_VIOLATION id".to_owned()));
    assert_eq!(found.waiting(&both).await, Vec::<Value>::new());
    // Nor when somebody else has submitted it again.
    let row = step(&both, "returnRectification", &row).await.unwrap();
    let deputy = app.as_role(Role::BranchOfficer, "deputy-B1", None, Some("B1"), None);
    let row = step(&deputy, "submitRectification", &row).await.unwrap();
    let refused = step(&both, "closeRectification", &row).await;
    assert_eq!(refused, Err("RULE_VIOLATION id".to_owned()));
    assert_eq!(found.waiting(&both).await, Vec::<Value>::new());
    let committee = app.committee("C1");
    assert_eq!(found.waiting(&committee).await.len(), 1);
    assert!(step(&committee, "closeRectification", &row).await.is_ok());
});

on_both!(of_two_writers_one_is_told_of_the_other, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let row = found.in_state(1, "SUBMITTED").await;
    let (committee, admin) = (app.committee("C1"), app.admin());
    let (a, b) = tokio::join!(
        step(&committee, "closeRectification", &row),
        step(&admin, "returnRectification", &row),
    );
    let mut said: Vec<&str> = [&a, &b]
        .map(|came| came.as_ref().map_or_else(|e| e.as_str(), |_| "DONE"))
        .into();
    said.sort_unstable();
    assert_eq!(said, ["DONE", "VERSION_CONFLICT version"]);
    // A stale version is told together with what is wrong with the input.
    let stale = step_with(&admin, "closeRectification", &row, json!({ "note": " " })).await;
    assert_eq!(
        stale,
        Err("VERSION_CONFLICT version; INVALID_INPUT note".to_owned())
    );
});

on_both!(a_bad_finding_is_refused_where_it_is_bad, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let admin = app.admin();
    for (over, said) in [
        (json!({ "title": " " }), "INVALID_INPUT finding.title"),
        (
            json!({ "title": "党".repeat(201) }),
            "INVALID_INPUT finding.title",
        ),
        (
            json!({ "prescription": "联系 13800138000" }),
            "INVALID_INPUT finding.prescription",
        ),
        (json!({ "dueOn": "2026-03-01" }), "INVALID_INPUT finding.dueOn"),
        (
            json!({ "itemCode": "R ORG.05" }),
            "INVALID_INPUT finding.itemCode",
        ),
        (json!({ "itemCode": "组织-05" }), "INVALID_INPUT finding.itemCode"),
        (
            json!({ "title": "", "prescription": "", "dueOn": "2020-01-01", "itemCode": "" }),
            "INVALID_INPUT finding.title; INVALID_INPUT finding.prescription; INVALID_INPUT finding.dueOn; \
             INVALID_INPUT finding.itemCode",
        ),
    ] {
        let got = mutate(&admin, "raiseRectification", found.finding(1, over.clone())).await;
        assert_eq!(got, Err(said.to_owned()), "{over:#}");
    }
    for (name, value, said) in [
        ("origin", json!("SELF_CHECK"), "INVALID_INPUT origin"),
        ("origin", json!("COMPUTED"), "INVALID_INPUT origin"),
        ("origin", json!("CONSULTATION"), "RULE_VIOLATION branchId"),
        ("branchId", json!("nobody"), "NOT_FOUND branchId"),
    ] {
        let mut input = found.finding(1, json!({}));
        input[name] = value;
        let got = mutate(&admin, "raiseRectification", input).await;
        assert_eq!(got, Err(said.to_owned()));
    }
    for (stranger, said) in [
        (app.committee("C2"), "FORBIDDEN"),
        (app.secretary_of("B1"), "FORBIDDEN"),
        (app.viewer(None), "FORBIDDEN"),
        (app.examiner_of("B4"), "FORBIDDEN"),
    ] {
        let got = mutate(&stranger, "raiseRectification", found.finding(1, json!({}))).await;
        assert_eq!(got, Err(said.to_owned()));
    }
    // Once there is a campaign its template says which items there are, of which aspect and for which domain.
    let campaign =
        json!({ "year": 2026, "theme": "金牌引领", "windowFrom": "2026-01-01", "windowTo": "2026-12-31" });
    let opened = admin.mutate("openCampaign", "campaign { id }", campaign).await;
    opened.done();
    for (aspect, code, taken) in [
        ("ROLE", "R-ORG-99", false),
        ("ROLE", "R-ORG-01", false),
        ("ORGANIZATION", "R-ORG-01", true),
        ("TAILORED", "X-RUR-01", false),
        ("TAILORED", "X-COM-01", true),
    ] {
        let finding = found.finding(1, json!({ "aspect": aspect, "itemCode": code }));
        let raised = mutate(&admin, "raiseRectification", finding).await;
        match taken {
            true => assert!(raised.is_ok(), "{code}"),
            false => assert_eq!(raised, Err("INVALID_INPUT finding.itemCode".to_owned()), "{code}"),
        }
    }
    crate::support::branches::create(app, "T1", json!({ "form": "TEMPORARY" })).await;
    let branch = admin.data(r#"{ branch(by: { code: "T1" }) { id } }"#).await;
    let mut finding = found.finding(1, json!({}));
    finding["branchId"] = branch["branch"]["id"].clone();
    assert_eq!(
        mutate(&admin, "raiseRectification", finding).await,
        Err("RULE_VIOLATION branchId".to_owned())
    );
});

on_both!(a_bad_step_is_refused_where_it_is_bad, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let committee = app.committee("C1");
    let open = found.in_state(1, "OPEN").await;
    for (over, said) in [
        (json!({ "dueOn": "2026-03-01" }), "INVALID_INPUT dueOn"),
        (
            json!({ "note": "身份证 11010519491231002X" }),
            "INVALID_INPUT note",
        ),
        (
            json!({ "prescription": "", "dueOn": "2026-01-01", "note": " " }),
            "INVALID_INPUT dueOn; INVALID_INPUT prescription; INVALID_INPUT note",
        ),
        (json!({ "version": 2 }), "VERSION_CONFLICT version"),
        (json!({ "id": found.branch(1) }), "NOT_FOUND id"),
    ] {
        let got = step_with(&committee, "assignRectification", &open, over.clone()).await;
        assert_eq!(got, Err(said.to_owned()), "{over:#}");
    }
    let over = json!({ "prescription": null, "support": null });
    let row = step_with(&committee, "assignRectification", &open, over)
        .await
        .unwrap();
    assert_eq!(
        (&row["prescription"], &row["support"]),
        (&json!(null), &json!([]))
    );
    let row = step(&app.secretary_of("B1"), "submitRectification", &row)
        .await
        .unwrap();
    for field in ["closeRectification", "reviewRectification"] {
        let over = json!({ "nextReviewOn": "2026-03-02", "note": "党".repeat(4001) });
        let got = step_with(&committee, field, &row, over).await.unwrap_err();
        assert!(
            got.ends_with("INVALID_INPUT nextReviewOn; INVALID_INPUT note"),
            "{got}"
        );
    }
    // What is not open to a step says what is.
    let refused = app
        .committee("C1")
        .mutate(
            "reopenRectification",
            "",
            json!({ "id": row["id"], "version": row["version"], "note": "n" }),
        )
        .await
        .refused();
    assert_eq!(
        refused.2,
        "The rectification is SUBMITTED: cannot reopen; allowed from here: close (CLOSED), return (ASSIGNED), \
         waive (WAIVED)"
    );
});
