//! What the end of a branch does to its rectifications, and what the slice of health checks is given.

use std::sync::Mutex;

use serde_json::{Value, json};
use zhibu::{
    auth::Grant,
    campaign::Aspect,
    kernel::id::{BranchId, HealthCheckId, NodeId as _, RectificationId},
    rectification::{
        self, Finding, OpenCheck, OpenItem, Raise, RectificationHooks, RectificationMoved,
        RectificationOrigin, RectificationState, Severity,
        raise_finding::{RaiseRectification, raise_finding},
        with_note::{StepWithNote, waive},
    },
    storage::write::{Actor, Outcome},
};

use super::found::{Found, mutate, step};
use crate::{brand::heard, support::on_both};

async fn end(found: &Found, field: &str, input: Value) {
    let admin = found.app.admin();
    admin.mutate(field, "branch { status }", input).await.done();
}

on_both!(a_merger_moves_what_is_open_to_the_successor, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let open = found.in_state(1, "OPEN").await;
    let submitted = found.in_state(1, "SUBMITTED").await;
    let closed = found.in_state(1, "CLOSED").await;
    let input = json!({
        "id": found.branch(1), "version": 1, "intoBranchId": found.branch(4), "effectiveOn": "2026-03-01", "reason": "合并",
    });
    end(&found, "mergeBranch", input).await;

    let admin = app.admin();
    for row in [&open, &submitted] {
        let moved = found.node(&admin, &row["id"]).await;
        assert_eq!(moved["branch"]["code"], "B4");
        assert_eq!(moved["state"], row["state"]);
        assert_eq!(moved["version"].as_i64(), row["version"].as_i64().map(|v| v + 1));
        let last = moved["steps"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["by"], &last["state"]), (&json!("zhibu"), &row["state"]));
        assert!(
            last["note"]
                .as_str()
                .unwrap()
                .contains("“第1党支部（演示）” was merged")
        );
    }
    let stays = found.node(&admin, &closed["id"]).await;
    assert_eq!(
        (&stays["branch"]["code"], &stays["version"]),
        (&json!("B1"), &closed["version"])
    );
    for (code, count) in [("B1", 0), ("B4", 2)] {
        let query = "query($id: ID!) { node(id: $id) { ... on Branch { openRectificationCount } } }";
        let id = found.branch(code[1..].parse().unwrap());
        let answer = admin.ask(query, json!({ "id": id })).await;
        assert_eq!(answer.data()["node"]["openRectificationCount"], count, "{code}");
    }
    // The old secretary reads another version, the new one goes on.
    let stale = step(&app.committee("C2"), "closeRectification", &submitted).await;
    assert_eq!(stale, Err("VERSION_CONFLICT version".to_owned()));
    let gone = step(&app.committee("C1"), "closeRectification", &submitted).await;
    assert_eq!(gone, Err("NOT_FOUND id".to_owned()));
    let now = found.node(&admin, &submitted["id"]).await;
    assert!(
        step(&app.committee("C2"), "closeRectification", &now)
            .await
            .is_ok()
    );
    let now = found.node(&admin, &open["id"]).await;
    let now = step(&app.committee("C2"), "assignRectification", &now)
        .await
        .unwrap();
    assert!(
        step(&app.secretary_of("B4"), "submitRectification", &now)
            .await
            .is_ok()
    );
    // Nothing of the ended branch changes any more, and nobody is asked to look at it.
    for field in ["reviewRectification", "reopenRectification"] {
        let refused = step(&admin, field, &closed).await;
        assert_eq!(refused, Err("RULE_VIOLATION id".to_owned()), "{field}");
    }
    let refused = mutate(&admin, "raiseRectification", found.finding(1, json!({}))).await;
    assert_eq!(refused, Err("RULE_VIOLATION branchId".to_owned()));
    app.clock.set("2026-12-01T02:00:00Z");
    let waiting = found.waiting(&app.admin()).await;
    let kinds: Vec<&Value> = waiting.iter().map(|todo| &todo[0]).collect();
    assert_eq!(kinds, ["CLOSE_RECTIFICATION", "REVIEW_RECTIFICATION"]);
    // Who has lost it hears that it left, who has got it that it came.
    let told = heard(
        &app.committee("C1"),
        "RECTIFICATION",
        "nodeId version node { id }",
        10,
    )
    .await;
    let left = json!({ "nodeId": open["id"], "version": 2, "node": null });
    assert!(told.contains(&left), "{told:#?}");
    let told = heard(&app.secretary_of("B4"), "RECTIFICATION", "nodeId version", 2).await;
    assert!(
        told.contains(&json!({ "nodeId": open["id"], "version": 2 })),
        "{told:#?}"
    );
});

on_both!(
    what_was_found_about_its_term_does_not_go_to_the_successor,
    |db| async move {
        let found = Found::new(db).await;
        let of_its_term = found
            .raise(1, json!({ "aspect": "ORGANIZATION", "itemCode": "R-ORG-05" }))
            .await;
        let input = json!({
            "id": found.branch(1), "version": 1, "intoBranchId": found.branch(2), "effectiveOn": "2026-03-01", "reason": "合并",
        });
        end(&found, "mergeBranch", input).await;
        let now = found.node(&found.app.admin(), &of_its_term["id"]).await;
        assert_eq!(
            (&now["branch"]["code"], &now["state"]),
            (&json!("B1"), &json!("WAIVED"))
        );
    }
);

on_both!(a_dissolution_waives_what_is_open, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let assigned = found.in_state(1, "ASSIGNED").await;
    let closed = found.in_state(1, "CLOSED").await;
    let input = json!({ "id": found.branch(1), "version": 1, "effectiveOn": "2026-03-01", "reason": "撤销" });
    end(&found, "dissolveBranch", input).await;
    let admin = app.admin();
    let waived = found.node(&admin, &assigned["id"]).await;
    assert_eq!(
        (&waived["state"], &waived["light"]),
        (&json!("WAIVED"), &json!("GREEN"))
    );
    let last = waived["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(last["by"], "zhibu");
    assert!(last["note"].as_str().unwrap().contains("was dissolved"));
    assert_eq!(found.node(&admin, &closed["id"]).await["state"], "CLOSED");
});

on_both!(what_the_service_found_ends_with_the_branch, |db| async move {
    let found = Found::new(db).await;
    let app = &found.app;
    let branch = branch_id(&found, 1);
    let row = raised(
        &found,
        raise(
            branch,
            None,
            "R-ORG-05",
            Severity::Major,
            RectificationOrigin::Computed,
        ),
    )
    .await;
    let input = json!({
        "id": found.branch(1), "version": 1, "intoBranchId": found.branch(2), "effectiveOn": "2026-03-01", "reason": "合并",
    });
    end(&found, "mergeBranch", input).await;
    let row = found.node(&app.admin(), &json!(row.global())).await;
    assert_eq!(
        (&row["state"], &row["branch"]["code"]),
        (&json!("WAIVED"), &json!("B1"))
    );
});

fn branch_id(found: &Found, n: usize) -> BranchId {
    BranchId::from_global(found.branch(n)).unwrap()
}

fn raise(
    branch: BranchId,
    check: Option<i64>,
    item: &str,
    severity: Severity,
    origin: RectificationOrigin,
) -> Raise {
    Raise {
        branch,
        health_check: check.map(HealthCheckId),
        origin,
        aspect: Aspect::Organization,
        item_code: Some(item.to_owned()),
        title: item.to_owned(),
        prescription: None,
        support: Vec::new(),
        severity,
        due_on: "2026-03-20".parse().unwrap(),
    }
}

async fn raised(found: &Found, what: Raise) -> RectificationId {
    let written = found
        .app
        .database
        .write(Actor::service("test"), None, what, |write, what| {
            Box::pin(async move { Ok(what.clone().raise(write).await?) })
        })
        .await
        .unwrap();
    match written.outcome {
        Outcome::Done(id) => id,
        Outcome::Refused(refusals) => panic!("{refusals:?}"),
    }
}

on_both!(a_check_is_told_what_of_it_is_open, |db| async move {
    let found = Found::new(db).await;
    let branch = branch_id(&found, 1);
    let self_check = RectificationOrigin::SelfCheck;
    raised(
        &found,
        raise(branch, Some(7), "R-ORG-01", Severity::Minor, self_check),
    )
    .await;
    let major = raised(
        &found,
        raise(branch, Some(7), "R-ORG-03", Severity::Major, self_check),
    )
    .await;
    raised(
        &found,
        raise(branch, Some(8), "R-ORG-04", Severity::Minor, self_check),
    )
    .await;
    found.raise(1, json!({ "dueOn": "2026-03-03" })).await;
    let reader = found.app.database.reader();
    let check = HealthCheckId(7);
    let item = |code: &str, severity| OpenItem {
        item_code: Some(code.to_owned()),
        severity,
    };
    assert_eq!(
        rectification::open_items(reader, check).await.unwrap(),
        [
            item("R-ORG-01", Severity::Minor),
            item("R-ORG-03", Severity::Major)
        ]
    );
    let row = found.node(&found.app.admin(), &json!(major.global())).await;
    step(&found.app.admin(), "waiveRectification", &row)
        .await
        .unwrap();
    assert_eq!(
        rectification::open_items(reader, check).await.unwrap(),
        [item("R-ORG-01", Severity::Minor)]
    );
    let today = "2026-03-20".parse().unwrap();
    let window = ("2026-03-03".parse().unwrap(), "2026-03-19".parse().unwrap());
    let in_time = rectification::closed_in_time(reader, branch, window, today)
        .await
        .unwrap();
    assert_eq!((in_time.closed, in_time.due, in_time.red), (0, 1, 1));
});

on_both!(hooks_run_in_the_transaction_of_the_step, |db| async move {
    static SEEN: Mutex<Vec<RectificationMoved>> = Mutex::new(Vec::new());
    let found = Found::new(db).await;
    let branch = branch_id(&found, 1);
    let hooks = RectificationHooks {
        moved: vec![|_, moved| {
            Box::pin(async move {
                SEEN.lock().unwrap().push(*moved);
                Ok(())
            })
        }],
        check_of: Some(|_, branch| {
            Box::pin(async move {
                Ok(Some(OpenCheck {
                    id: HealthCheckId(branch.0 + 100),
                    items: Vec::new(),
                }))
            })
        }),
    };
    let input = RaiseRectification {
        branch: Some(branch),
        origin: RectificationOrigin::Consultation,
        finding: Finding {
            aspect: Aspect::Role,
            item_code: None,
            title: "甲".to_owned(),
            prescription: "乙".to_owned(),
            severity: Severity::Major,
            due_on: "2026-03-20".parse().unwrap(),
            support: Vec::new(),
        },
        hooks: hooks.clone(),
    };
    let database = &found.app.database;
    let written = database
        .write(Actor::service("test"), None, input, |write, input| {
            Box::pin(async move { raise_finding(write, &Grant::of_the_service(), input).await })
        })
        .await
        .unwrap();
    let Outcome::Done(id) = written.outcome else {
        panic!("refused")
    };
    let input = StepWithNote {
        id: Some(id),
        version: 1,
        note: "丙".to_owned(),
        hooks,
    };
    database
        .write(Actor::service("test"), None, input, |write, input| {
            Box::pin(async move { waive(write, &Grant::of_the_service(), input).await })
        })
        .await
        .unwrap();
    let mut seen = SEEN.lock().unwrap().clone();
    // Both databases' scenarios write into it.
    let check = Some(HealthCheckId(branch.0 + 100));
    seen.retain(|moved| moved.id == id && moved.health_check == check);
    let told = |before, after| RectificationMoved {
        id,
        branch,
        health_check: check,
        before,
        after,
    };
    let open = RectificationState::Open;
    assert!(seen.contains(&told(None, open)));
    assert!(seen.contains(&told(Some(open), RectificationState::Waived)));
});
