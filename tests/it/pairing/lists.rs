//! Who sees which pairings, and in what order.

use serde_json::{Value, json};

use super::{District, STATES, district::id, pairing_in};
use crate::support::on_both;

const LIST: &str = "query($filter: PairingFilter, $first: Int, $after: String) {
    pairings(filter: $filter, first: $first, after: $after) {
        totalCount nodes { id state startsOn } pageInfo { hasNextPage endCursor } } }";

fn states(data: &Value) -> Vec<&str> {
    let mut states: Vec<&str> = data["pairings"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["state"].as_str().unwrap())
        .collect();
    states.sort_unstable();
    assert_eq!(data["pairings"]["totalCount"], states.len());
    states
}

on_both!(proposals_are_seen_in_scope_of_a_member_only, |db| async move {
    let district = District::new(db).await;
    let mut made = Vec::new();
    for state in STATES {
        made.push(pairing_in(&district, state).await);
    }
    let all = json!({ "filter": { "states": STATES } });
    let everything = ["ACTIVE", "COMPLETED", "PROPOSED", "REJECTED", "TERMINATED"];
    let node = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let ids: Vec<&Value> = made.iter().map(|pairing| &pairing["id"]).collect();
    let branch = "query($id: ID!, $states: [PairingState!]) { branch: node(id: $id) { ... on Branch {
        pairings(states: $states) { totalCount nodes { state } } } } }";
    for (who, asker, seen) in [
        ("district", district.admin(), &everything[..]),
        ("committee", district.committee("C1"), &everything),
        ("general branch", district.committee("G1"), &everything),
        ("member", district.secretary(2), &everything),
        ("viewer", district.viewer(None), &everything),
        ("another committee", district.committee("C2"), &everything[..2]),
        ("another branch", district.secretary(8), &everything[..2]),
        ("viewer elsewhere", district.viewer(Some("C2")), &everything[..2]),
        ("examiner", district.examiner(8), &everything[..2]),
        ("adapter", district.adapter(), &[]),
    ] {
        assert_eq!(states(&asker.data(LIST, all.clone()).await), seen, "{who}");
        // ACTIVE and COMPLETED when left out, for everybody.
        let public: Vec<&str> = seen
            .iter()
            .copied()
            .filter(|s| everything[..2].contains(s))
            .collect();
        assert_eq!(states(&asker.data(LIST, json!({})).await), public, "{who}");
        let nodes = asker.data(node, json!({ "ids": ids })).await;
        let found = nodes["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|node| !node.is_null())
            .count();
        assert_eq!(found, seen.len(), "{who}");
        let of_branch = asker.data(branch, json!({ "id": id(2), "states": STATES })).await;
        if who == "adapter" {
            assert!(of_branch["branch"].is_null());
        } else {
            assert_eq!(of_branch["branch"]["pairings"]["totalCount"], seen.len(), "{who}");
            assert_eq!(
                of_branch["branch"]["pairings"]["nodes"].as_array().unwrap().len(),
                seen.len()
            );
        }
    }
});

on_both!(filters_narrow_and_pages_join_without_gaps, |db| async move {
    let district = District::new(db).await;
    let admin = district.admin();
    for (leads, partners) in [
        (&[1][..], &[2][..]),
        (&[9], &[3]),
        (&[4], &[5]),
        (&[1, 9], &[2, 3]),
        (&[11], &[5]),
    ] {
        admin.propose(leads, partners).await.unwrap();
    }
    let proposed = |change: Value| {
        let mut filter = json!({ "states": ["PROPOSED"] });
        for (name, value) in change.as_object().unwrap() {
            filter[name] = value.clone();
        }
        json!({ "filter": filter })
    };
    for (filter, count) in [
        (json!({}), 5),
        (json!({ "branchId": id(2) }), 2),
        (json!({ "branchId": "nonsense" }), 0),
        (
            json!({ "organizationId": district.organization_id("C1").await }),
            4,
        ),
        (
            json!({ "organizationId": district.organization_id("C2").await }),
            2,
        ),
        (
            json!({ "organizationId": district.organization_id("G1").await }),
            2,
        ),
        (json!({ "forms": ["MANY_TO_MANY"] }), 1),
        (json!({ "bases": ["CROSS_DOMAIN"] }), 1),
        (json!({ "year": 2021 }), 0),
        (json!({ "states": [] }), 0),
    ] {
        let data = admin.data(LIST, proposed(filter.clone())).await;
        assert_eq!(states(&data).len(), count, "{filter}");
    }

    let whole = admin.data(LIST, proposed(json!({}))).await;
    let mut joined = Vec::new();
    let mut variables = proposed(json!({}));
    variables["first"] = json!(2);
    loop {
        let page = admin.data(LIST, variables.clone()).await;
        joined.extend(page["pairings"]["nodes"].as_array().unwrap().iter().cloned());
        if page["pairings"]["pageInfo"]["hasNextPage"] == false {
            break;
        }
        variables["after"] = page["pairings"]["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(whole["pairings"]["nodes"], Value::Array(joined));
});

on_both!(
    a_page_of_pairings_costs_the_same_statements_however_long_it_is,
    |db| async move {
        let district = District::new(db).await;
        let admin = district.admin();
        for _ in 0..2 {
            let active = pairing_in(&district, "ACTIVE").await;
            district
                .secretary(2)
                .record(&active, "2022-06-01", &[2, 3])
                .await
                .unwrap();
            district
                .secretary(2)
                .record(&active, "2022-06-02", &[1, 2])
                .await
                .unwrap();
        }
        let query = "query($first: Int) { pairings(first: $first) { totalCount nodes { leadLostGold proposedBy { code }
        members { branch { code pairings { totalCount nodes { title members { branch { code } } } } } }
        activities { totalCount nodes { heldOn topic pairing { title } branches { code organization { code } } } } } } }";
        let mut costs = Vec::new();
        for first in [1, 2] {
            let before = district.statements();
            let data = admin.data(query, json!({ "first": first })).await;
            costs.push(district.statements() - before);
            let pairings = data["pairings"]["nodes"].as_array().unwrap();
            assert_eq!(pairings.len(), first);
            assert_eq!(pairings[0]["activities"]["totalCount"], 2);
            assert_eq!(pairings[0]["activities"]["nodes"][0]["heldOn"], "2022-06-02");
            assert_eq!(pairings[0]["activities"]["nodes"][0]["branches"][1]["code"], "B2");
            assert_eq!(pairings[0]["members"][0]["branch"]["pairings"]["totalCount"], 2);
        }
        assert_eq!(costs[0], costs[1], "statements for one and for two pairings");
    }
);

on_both!(
    a_proposal_waits_for_its_members_and_for_who_can_approve_it,
    |db| async move {
        let district = District::new(db).await;
        let own = district.secretary(1).propose(&[1], &[2, 3]).await.unwrap();
        let spanning = district.secretary(1).propose(&[1], &[5]).await.unwrap();
        let ids = |pairings: &[&Value]| -> Vec<String> {
            pairings
                .iter()
                .map(|pairing| pairing["id"].as_str().unwrap().to_owned())
                .collect()
        };
        for (branch, waiting) in [
            (1, ids(&[])),
            (2, ids(&[&own])),
            (5, ids(&[&spanning])),
            (8, ids(&[])),
        ] {
            assert_eq!(
                district.secretary(branch).waiting("ACCEPT_PAIRING").await,
                waiting,
                "{branch}"
            );
        }
        for (who, asker, waiting) in [
            ("committee", district.committee("C1"), ids(&[&own])),
            ("another committee", district.committee("C2"), ids(&[])),
            ("general branch", district.committee("G1"), ids(&[])),
            ("district", district.admin(), ids(&[&spanning])),
            ("member", district.secretary(2), ids(&[])),
            ("examiner", district.examiner(2), ids(&[])),
        ] {
            assert_eq!(asker.waiting("APPROVE_PAIRING").await, waiting, "{who}");
        }
        district.secretary(2).accept(&own, 2).await.unwrap();
        let own = district.secretary(3).accept(&own, 3).await.unwrap();
        district
            .committee("C1")
            .step("approvePairing", &own)
            .await
            .unwrap();
        district.admin().step("approvePairing", &spanning).await.unwrap();
        assert_eq!(district.secretary(2).waiting("ACCEPT_PAIRING").await, ids(&[]));
        assert_eq!(
            district.secretary(5).waiting("ACCEPT_PAIRING").await,
            ids(&[&spanning])
        );
        assert_eq!(
            district.committee("C1").waiting("APPROVE_PAIRING").await,
            ids(&[])
        );
        assert_eq!(district.admin().waiting("APPROVE_PAIRING").await, ids(&[]));
    }
);
