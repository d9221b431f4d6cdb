//! Pairings, as secretaries, committees and the district ask for them.

mod district;
mod lists;

use futures_util::future::join;
use serde_json::{Value, json};

use self::district::{DISSOLVED, District, TEMPORARY, id, proposal};
use crate::support::on_both;

/// A pairing of branches 1 (lead), 2 and 3 in a state.
async fn pairing_in(district: &District, state: &str) -> Value {
    let committee = district.committee("C1");
    let proposed = district.secretary(1).propose(&[1], &[2, 3]).await.unwrap();
    if state == "PROPOSED" {
        return proposed;
    }
    if state == "REJECTED" {
        return district
            .secretary(2)
            .step("rejectPairing", &proposed)
            .await
            .unwrap();
    }
    district.secretary(2).accept(&proposed, 2).await.unwrap();
    let accepted = district.secretary(3).accept(&proposed, 3).await.unwrap();
    let active = committee.step("approvePairing", &accepted).await.unwrap();
    assert_eq!(active["state"], "ACTIVE");
    match state {
        "COMPLETED" => committee.step("completePairing", &active).await.unwrap(),
        "TERMINATED" => committee.step("terminatePairing", &active).await.unwrap(),
        _ => active,
    }
}

const STATES: [&str; 5] = ["PROPOSED", "ACTIVE", "COMPLETED", "TERMINATED", "REJECTED"];
const ACTIONS: [&str; 6] = [
    "accept",
    "approvePairing",
    "rejectPairing",
    "completePairing",
    "terminatePairing",
    "record",
];
const ROLES: [&str; 8] = [
    "admin", "C1", "C2", "member", "stranger", "viewer", "examiner", "adapter",
];

async fn act(district: &District, role: &str, action: &str, pairing: &Value) -> Result<Value, String> {
    let (asker, branch) = match role {
        "admin" => (district.admin(), 2),
        "C1" | "C2" => (district.committee(role), 2),
        "member" => (district.secretary(2), 2),
        "stranger" => (district.secretary(8), 8),
        "viewer" => (district.viewer(None), 2),
        "examiner" => (district.examiner(8), 8),
        _ => (district.adapter(), 2),
    };
    match action {
        "accept" => asker.accept(pairing, branch).await,
        "record" => asker.record(pairing, "2022-06-01", &[branch, 3]).await,
        step => asker.step(step, pairing).await,
    }
}

/// What the tables of docs/domain.md, 6 and 10 say.
fn expected(state: &str, role: &str, action: &str) -> Result<&'static str, &'static str> {
    let public = matches!(state, "ACTIVE" | "COMPLETED");
    let may = match action {
        "accept" | "record" => matches!(role, "member" | "stranger"),
        "rejectPairing" => matches!(role, "admin" | "C1" | "C2" | "member" | "stranger"),
        _ => matches!(role, "admin" | "C1" | "C2"),
    };
    if !may {
        return Err("FORBIDDEN");
    }
    if matches!(role, "stranger" | "C2") {
        // What they cannot see is not there; what they can see is not theirs.
        return Err(if public { "FORBIDDEN" } else { "NOT_FOUND" });
    }
    match (state, action) {
        ("PROPOSED", "accept" | "approvePairing") => Ok("PROPOSED"),
        ("PROPOSED", "rejectPairing") => Ok("REJECTED"),
        ("ACTIVE", "completePairing") => Ok("COMPLETED"),
        ("ACTIVE", "terminatePairing") => Ok("TERMINATED"),
        ("ACTIVE", "record") => Ok("ACTIVE"),
        _ => Err("INVALID_TRANSITION"),
    }
}

async fn every_role_in(state: &str, db: crate::support::TestDatabase) {
    let district = District::new(db).await;
    for role in ROLES {
        for action in ACTIONS {
            let expected = expected(state, role, action);
            let pairing = pairing_in(&district, state).await;
            let got = act(&district, role, action, &pairing).await;
            let case = format!("{role}: {action} of {state}");
            match (&got, expected) {
                (Ok(pairing), Ok(to)) => assert_eq!(pairing["state"], to, "{case}"),
                (Err(said), Err(code)) => assert!(said.starts_with(code), "{case}: {said}"),
                _ => panic!("{case}: {got:?}, expected {expected:?}"),
            }
            // Room for the next one.
            let now = got.unwrap_or(pairing);
            if now["state"] == "ACTIVE" {
                district.admin().step("completePairing", &now).await.unwrap();
            }
        }
    }
}

on_both!(of_a_proposal_every_role_may_do_what_the_table_says, |db| {
    every_role_in(STATES[0], db)
});
on_both!(of_an_active_pairing_every_role_may_do_what_the_table_says, |db| {
    every_role_in(STATES[1], db)
});
on_both!(
    of_a_completed_pairing_every_role_may_do_what_the_table_says,
    |db| every_role_in(STATES[2], db)
);
on_both!(
    of_a_terminated_pairing_every_role_may_do_what_the_table_says,
    |db| every_role_in(STATES[3], db)
);
on_both!(
    of_a_rejected_pairing_every_role_may_do_what_the_table_says,
    |db| every_role_in(STATES[4], db)
);

on_both!(
    an_early_approval_is_kept_until_the_last_acceptance,
    |db| async move {
        let district = District::new(db).await;
        let proposed = district.secretary(1).propose(&[1], &[2, 3]).await.unwrap();
        assert_eq!(proposed["proposedBy"]["code"], "B1");
        assert!(
            proposed["members"][0]["acceptedAt"].is_string()
                && proposed["members"][1]["acceptedAt"].is_null()
        );

        let approved = district
            .committee("C1")
            .step("approvePairing", &proposed)
            .await
            .unwrap();
        assert_eq!(approved["state"], "PROPOSED");
        assert!(approved["approvedAt"].is_string());
        let again = district.committee("C1").step("approvePairing", &approved).await;
        assert_eq!(again, Err("INVALID_TRANSITION id".to_owned()));
        // The version that was read before is not enough.
        let stale = district.committee("C1").step("rejectPairing", &proposed).await;
        assert_eq!(stale, Err("VERSION_CONFLICT version".to_owned()));

        let two = district.secretary(2).accept(&proposed, 2).await.unwrap();
        assert_eq!(two["state"], "PROPOSED");
        let twice = district.secretary(2).accept(&proposed, 2).await;
        assert_eq!(twice, Err("INVALID_TRANSITION branchId".to_owned()));
        assert_eq!(
            district.secretary(2).accept(&proposed, 3).await,
            Err("FORBIDDEN".to_owned())
        );
        let three = district.secretary(3).accept(&proposed, 3).await.unwrap();
        assert_eq!(
            (&three["state"], &three["version"]),
            (&json!("ACTIVE"), &json!(4))
        );
    }
);

on_both!(what_spans_committees_is_for_the_district, |db| async move {
    let district = District::new(db).await;
    let committee = district.committee("C1");
    let spanning = committee.propose(&[1], &[2, 5]).await;
    assert_eq!(spanning, Err("RULE_VIOLATION partnerIds".to_owned()));
    assert_eq!(
        district.committee("C2").propose(&[1], &[2]).await,
        Err("FORBIDDEN".to_owned())
    );

    let proposed = district.secretary(1).propose(&[1], &[2, 5]).await.unwrap();
    for step in ["approvePairing", "rejectPairing"] {
        let refused = committee.step(step, &proposed).await;
        assert_eq!(refused, Err("RULE_VIOLATION id".to_owned()), "{step}");
    }
    let approved = district.admin().step("approvePairing", &proposed).await.unwrap();
    assert!(approved["approvedAt"].is_string());
    assert!(
        district.committee("C1").propose(&[1], &[2, 3]).await.is_ok(),
        "a general branch is below"
    );
});

on_both!(a_bad_proposal_is_refused_where_it_is_bad, |db| async move {
    let district = District::new(db).await;
    let admin = district.admin();
    let with = |change: Value| {
        let mut input = proposal(&[1], &[2, 3]);
        for (name, value) in change.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    };
    for (input, said) in [
        (proposal(&[1], &[2, 2]), "RULE_VIOLATION partnerIds.1"),
        (proposal(&[1], &[2, 1]), "RULE_VIOLATION partnerIds.1"),
        (proposal(&[2], &[3]), "RULE_VIOLATION leadIds.0"),
        (proposal(&[10], &[3]), "RULE_VIOLATION leadIds.0"),
        (proposal(&[1], &[TEMPORARY]), "RULE_VIOLATION partnerIds.0"),
        (proposal(&[1], &[3, DISSOLVED]), "RULE_VIOLATION partnerIds.1"),
        (proposal(&[1], &[999]), "NOT_FOUND partnerIds.0"),
        (proposal(&[1], &[]), "RULE_VIOLATION leadIds"),
        (proposal(&[1, 9], &[2]), "RULE_VIOLATION leadIds"),
        (proposal(&[], &[]), "RULE_VIOLATION leadIds"),
        (with(json!({"form": "MANY_TO_MANY"})), "RULE_VIOLATION leadIds"),
        (with(json!({"basis": "CROSS_DOMAIN"})), "RULE_VIOLATION basis"),
        (
            with(json!({"basis": "SAME_DOMAIN", "partnerIds": [id(5)]})),
            "RULE_VIOLATION basis",
        ),
        (
            with(json!({"basis": "SAME_AFFILIATION", "partnerIds": [id(5)]})),
            "RULE_VIOLATION basis",
        ),
        (
            with(json!({"partnerIds": ["nonsense"]})),
            "NOT_FOUND partnerIds.0",
        ),
        (with(json!({"endsOn": "2022-01-10"})), "INVALID_INPUT endsOn"),
        (with(json!({"year": 2024})), "INVALID_INPUT year"),
        (with(json!({"title": " "})), "INVALID_INPUT title"),
        (with(json!({"goal": "联系 13800138000"})), "INVALID_INPUT goal"),
        (
            with(json!({"startsOn": "2021-11-30", "year": 2021})),
            "RULE_VIOLATION leadIds.0",
        ),
        (
            with(json!({"title": "", "endsOn": "2021-01-01", "leadIds": [id(2)], "partnerIds": [id(3)]})),
            "INVALID_INPUT title; INVALID_INPUT endsOn; RULE_VIOLATION leadIds.0",
        ),
    ] {
        let got = admin
            .mutate("proposePairing", "ProposePairingInput", input.clone())
            .await;
        assert_eq!(got, Err(said.to_owned()), "{input:#}");
    }
    let affiliated = with(json!({"basis": "SAME_AFFILIATION"}));
    assert!(
        admin
            .mutate("proposePairing", "ProposePairingInput", affiliated)
            .await
            .is_ok()
    );
    // A branch proposes only what it is in.
    let outsider = district.secretary(8).propose(&[1], &[2, 3]).await;
    assert_eq!(outsider, Err("RULE_VIOLATION partnerIds".to_owned()));
    let many: Vec<i64> = (1000..1100).collect();
    assert_eq!(
        admin.propose(&[1], &many).await,
        Err("INVALID_INPUT partnerIds".to_owned())
    );
});

/// Proposes and brings to the brink: only the approval is missing.
async fn ready(district: &District, lead: i64, partner: i64) -> Value {
    let proposed = district
        .secretary(lead)
        .propose(&[lead], &[partner])
        .await
        .unwrap();
    district
        .secretary(partner)
        .accept(&proposed, partner)
        .await
        .unwrap()
}

on_both!(a_branch_is_in_three_active_pairings_at_most, |db| async move {
    let district = District::new(db).await;
    let admin = district.admin();
    // Proposals take no place, so there can be five.
    let mut all = Vec::new();
    for lead in [1, 9, 11, 12] {
        all.push(ready(&district, lead, 2).await);
    }
    for pairing in &all[..3] {
        assert_eq!(
            admin.step("approvePairing", pairing).await.unwrap()["state"],
            "ACTIVE"
        );
    }
    let fourth = admin.step("approvePairing", &all[3]).await;
    assert_eq!(fourth, Err("RULE_VIOLATION id".to_owned()));
    let another = admin.propose(&[1], &[2]).await;
    assert_eq!(another, Err("RULE_VIOLATION partnerIds.0".to_owned()));

    // A place that is free again is taken.
    let mut first = all[0].clone();
    first["version"] = json!(first["version"].as_i64().unwrap() + 1);
    admin.step("completePairing", &first).await.unwrap();
    assert_eq!(
        admin.step("approvePairing", &all[3]).await.unwrap()["state"],
        "ACTIVE"
    );
});

on_both!(
    two_activations_at_once_do_not_both_take_the_last_place,
    |db| async move {
        let district = District::new(db).await;
        let admin = district.admin();
        let mut all = Vec::new();
        for lead in [1, 9, 11, 12] {
            all.push(ready(&district, lead, 2).await);
        }
        for pairing in &all[..2] {
            admin.step("approvePairing", pairing).await.unwrap();
        }
        let (one, other) = join(
            admin.step("approvePairing", &all[2]),
            admin.step("approvePairing", &all[3]),
        )
        .await;
        assert_eq!(one.is_ok() as u8 + other.is_ok() as u8, 1, "{one:?} {other:?}");
        let refused = [one, other].into_iter().find_map(Result::err);
        assert_eq!(refused.as_deref(), Some("RULE_VIOLATION id"));
    }
);

on_both!(
    a_lead_that_loses_its_gold_before_activation_stops_it_and_later_is_only_told,
    |db| async move {
        let district = District::new(db).await;
        let admin = district.admin();
        let pairing = ready(&district, 9, 2).await;
        district.revoke_gold(9, "2022-01-10").await;
        assert_eq!(
            admin.step("approvePairing", &pairing).await,
            Err("RULE_VIOLATION id".to_owned())
        );

        let active = admin
            .step("approvePairing", &ready(&district, 1, 2).await)
            .await
            .unwrap();
        assert_eq!(active["leadLostGold"], false);
        district.revoke_gold(1, "2022-06-01").await;
        let recorded = district
            .secretary(2)
            .record(&active, "2022-06-15", &[1, 2])
            .await
            .unwrap();
        assert_eq!(recorded["leadLostGold"], true);
        assert_eq!(recorded["state"], "ACTIVE");
    }
);

on_both!(
    an_activity_is_of_members_while_the_pairing_runs,
    |db| async move {
        let district = District::new(db).await;
        let active = pairing_in(&district, "ACTIVE").await;
        let secretary = district.secretary(2);
        for (held_on, branches, said) in [
            ("2022-01-09", &[2, 3][..], "RULE_VIOLATION heldOn"),
            ("2022-07-01", &[2, 3], "RULE_VIOLATION heldOn"),
            ("2022-06-01", &[], "INVALID_INPUT branchIds"),
            ("2022-06-01", &[1, 3], "RULE_VIOLATION branchIds"),
            ("2022-06-01", &[2, 8], "RULE_VIOLATION branchIds.1"),
            ("2022-06-01", &[2, 3, 2], "RULE_VIOLATION branchIds.2"),
        ] {
            let got = secretary.record(&active, held_on, branches).await;
            assert_eq!(got, Err(said.to_owned()), "{held_on} {branches:?}");
        }
        for held_on in ["2022-01-10", "2022-06-30"] {
            secretary.record(&active, held_on, &[2, 3]).await.unwrap();
        }
    }
);

on_both!(
    a_pairing_outlives_a_member_while_the_others_make_its_form,
    |db| async move {
        let district = District::new(db).await;
        let active = pairing_in(&district, "ACTIVE").await;
        let proposed = district.secretary(1).propose(&[1], &[2, 8]).await.unwrap();
        let read = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Pairing { id state version endReason
        members { leftOn branch { code } } } } }";
        let ids = json!({ "ids": [active["id"], proposed["id"]] });

        district.ends(2, Some(3)).await;
        let now = district.admin().data(read, ids.clone()).await;
        assert_eq!(now["nodes"][0]["state"], "ACTIVE");
        assert_eq!(
            now["nodes"][0]["members"][1],
            json!({"leftOn": "2022-06-30", "branch": {"code": "B2"}})
        );
        assert_eq!(
            now["nodes"][0]["version"],
            active["version"].as_i64().unwrap() + 1
        );
        assert_eq!(now["nodes"][1]["state"], "REJECTED");
        assert!(now["nodes"][1]["endReason"].as_str().unwrap().contains("合并"));
        let left = district.secretary(3).record(&active, "2022-06-01", &[2, 3]).await;
        assert_eq!(left, Err("RULE_VIOLATION branchIds.0".to_owned()));

        district.ends(3, None).await;
        let now = district.admin().data(read, ids).await;
        assert_eq!(now["nodes"][0]["state"], "TERMINATED");
        let reason = now["nodes"][0]["endReason"].as_str().unwrap();
        assert!(reason.contains("撤销") && reason.contains("1+N"), "{reason}");

        let audit =
            "query($id: ID!) { auditEntries(filter: { nodeId: $id }) { nodes { action before after } } }";
        let told = district.admin().data(audit, json!({ "id": active["id"] })).await;
        let entries = told["auditEntries"]["nodes"].as_array().unwrap();
        let of = |action: &str| -> String {
            let entry = entries.iter().find(|entry| entry["action"] == action).unwrap();
            format!("{} -> {}", entry["before"], entry["after"])
        };
        assert!(of("mergeBranch").contains("left"), "{}", of("mergeBranch"));
        assert!(
            of("dissolveBranch").contains("TERMINATED"),
            "{}",
            of("dissolveBranch")
        );
    }
);

on_both!(
    who_saw_an_active_pairing_hears_that_it_is_gone_and_of_proposals_nothing,
    |db| async move {
        let district = District::new(db).await;
        pairing_in(&district, "REJECTED").await;
        pairing_in(&district, "PROPOSED").await;
        let ended = pairing_in(&district, "TERMINATED").await;
        let query = "{ changes(first: 100, filter: { topics: [PAIRING] }) {
            changes { action nodeId version node { id } } } }";
        let last = |changes: &Value| changes["changes"]["changes"].as_array().unwrap().last().cloned();
        let stranger = district.secretary(8);
        let mut heard = Value::Null;
        // The log is read up to the oldest transaction that runs anywhere on the server, other tests' too.
        for _ in 0..2_000 {
            heard = stranger.data(query, json!({})).await;
            if last(&heard).is_some_and(|change| change["version"] == ended["version"]) {
                break;
            }
            tokio::task::yield_now().await;
        }
        let changes = heard["changes"]["changes"].as_array().unwrap();
        let expected: Vec<Value> = [4, 5]
            .map(|version| json!({"action": "UPDATED", "nodeId": ended["id"], "version": version, "node": null}))
            .to_vec();
        assert_eq!(changes, &expected);
    }
);
