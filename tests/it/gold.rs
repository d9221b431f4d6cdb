//! The gold selection, as branches, committees and the district ask for it.

mod criteria;
mod quota;
pub mod selection;
mod veto;

use serde_json::{Value, json};

use self::selection::{Selection, decide, row, step};
use crate::{
    brand::heard,
    support::{
        app::{As, TestApp},
        branches::{done, sql},
        on_both,
    },
};

/// Puts an application of a branch in the latest campaign, and a veto, without what leads to them; gives their ids.
pub async fn gold_and_veto(app: &TestApp, branch: &str) -> (String, String) {
    let now = "'2026-01-01 00:00:00+00:00'";
    let branch = row(branch);
    let eligibility = json!({
        "year": 2026, "healthCheck": "PASS", "brand": { "published": true, "required": true }, "vetoed": false,
        "points": { "period": "2026", "rank": 1, "of": 1, "percent": 30, "places": 1 },
    });
    let statements = vec![
        format!(
            "INSERT INTO gold_application (campaign_id, branch_id, state, statement, eligibility, version, updated_at) \
             VALUES ((SELECT max(id) FROM campaign), {branch}, 'APPLIED', '材料', '{eligibility}', 1, {now})"
        ),
        format!(
            "INSERT INTO veto (branch_id, kind, occurred_on, document_number) \
             VALUES ({branch}, 'OTHER', '2026-01-01', '7号')"
        ),
    ];
    sql(app, statements).await;
    let query = "{ goldApplications { nodes { id } } vetoes { nodes { id } } }";
    let data = app.admin().past_results().data(query).await;
    let id = |of: &str| data[of]["nodes"][0]["id"].as_str().unwrap().to_owned();
    (id("goldApplications"), id("vetoes"))
}

const STATES: [&str; 8] = [
    "APPLIED",
    "RECOMMENDED",
    "NOT_RECOMMENDED",
    "AWARDED",
    "DECLINED",
    "WITHDRAWN",
    "VETOED",
    "REVOKED",
];
const ACTIONS: [(&str, Option<bool>); 6] = [
    ("withdrawGold", None),
    ("recommendGold", Some(true)),
    ("recommendGold", Some(false)),
    ("decideGold", Some(true)),
    ("decideGold", Some(false)),
    ("revokeGold", None),
];
const ROLES: [&str; 8] = [
    "admin",
    "C1",
    "C2",
    "secretary",
    "stranger",
    "viewer",
    "examiner",
    "adapter",
];

fn caller<'a>(selection: &'a Selection, role: &str, action: (&str, Option<bool>)) -> As<'a> {
    let app = &selection.app;
    match role {
        // Who recommends does not decide.
        "admin" if action == ("recommendGold", Some(true)) => selection.admin("admin-2"),
        "admin" if action.0 == "recommendGold" => selection.admin("admin-3"),
        "admin" => app.admin(),
        "C1" | "C2" => app.committee(role),
        "secretary" => selection.secretary(1),
        "stranger" => selection.secretary(2),
        "viewer" => app.viewer(None),
        "examiner" => app.examiner_of("B2"),
        _ => app.adapter("EJIA"),
    }
}

/// What comes of an action: the state it leads to, or why not.
fn expected(
    state: &str,
    (action, favourable): (&str, Option<bool>),
    role: &str,
) -> Result<&'static str, &'static str> {
    match (action, role) {
        ("withdrawGold", "secretary") | ("recommendGold", "admin" | "C1") => {}
        ("decideGold" | "revokeGold", "admin") => {}
        // Theirs to do, but not with what they do not see.
        ("withdrawGold", "stranger") | ("recommendGold", "C2") => return Err("NOT_FOUND"),
        _ => return Err("FORBIDDEN"),
    }
    match (state, action, favourable) {
        ("APPLIED" | "RECOMMENDED", "withdrawGold", _) => Ok("WITHDRAWN"),
        ("APPLIED", "recommendGold", Some(true)) => Ok("RECOMMENDED"),
        ("APPLIED", "recommendGold", _) => Ok("NOT_RECOMMENDED"),
        ("RECOMMENDED", "decideGold", Some(true)) => Ok("AWARDED"),
        ("RECOMMENDED", "decideGold", _) => Ok("DECLINED"),
        ("AWARDED", "revokeGold", _) => Ok("REVOKED"),
        ("VETOED", _, Some(true)) => Err("VETO_OPEN"),
        _ => Err("INVALID_TRANSITION"),
    }
}

/// The application with its steps, and how many titles there are.
async fn stands(selection: &Selection) -> Value {
    let query = "{ goldApplications { nodes { state version awardedOn steps { state by opinion } branch { isGold } } } }";
    selection.app.admin().past_results().data(query).await
}

on_both!(
    every_state_takes_the_steps_of_the_table_from_who_may,
    |db| async move {
        let selection = Selection::new(db, &["GOVERNMENT", "RURAL"], 5).await;
        selection.app.open_source("EJIA").await;
        let application = selection.apply(1).await.unwrap();
        assert_eq!(application["state"], "APPLIED");
        let mut wrong = Vec::new();
        for state in STATES {
            for action in ACTIONS {
                for role in ROLES {
                    let before = if state == "VETOED" { "'APPLIED'" } else { "NULL" };
                    sql(
                    &selection.app,
                    vec![
                        "DELETE FROM gold_title".to_owned(),
                        format!(
                            "UPDATE gold_application SET state = '{state}', before_veto = {before}, version = 1"
                        ),
                    ],
                )
                .await;
                    let caller = caller(&selection, role, action);
                    let was = stands(&selection).await;
                    let found = decide(&caller, action.0, &application, action.1).await;
                    let found = found
                        .map(|application| application["state"].as_str().unwrap().to_owned())
                        .map_err(|refused| refused.join(" "));
                    let expected = expected(state, action, role);
                    if found.is_err() {
                        assert_eq!(stands(&selection).await, was, "{state} × {action:?} × {role}");
                    }
                    if found.as_deref().map_err(String::as_str) != expected {
                        wrong.push(format!(
                            "{state} × {action:?} × {role}: {expected:?}, got {found:?}"
                        ));
                    }
                }
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
    }
);

on_both!(three_different_persons_decide, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT"], 5).await;
    let applied = selection.apply(1).await.unwrap();
    // One person may bear several roles.
    let twice = selection.admin("secretary-B1");
    let rule = Err(vec!["RULE_VIOLATION".to_owned()]);
    assert_eq!(decide(&twice, "recommendGold", &applied, Some(true)).await, rule);
    assert_eq!(decide(&twice, "recommendGold", &applied, Some(false)).await, rule);
    let other = selection.admin("admin-2");
    let recommended = decide(&other, "recommendGold", &applied, Some(true))
        .await
        .unwrap();
    for same in [&twice, &other] {
        assert_eq!(decide(same, "decideGold", &recommended, Some(true)).await, rule);
        assert_eq!(decide(same, "decideGold", &recommended, Some(false)).await, rule);
    }
    let stale = decide(&selection.app.admin(), "decideGold", &applied, Some(true)).await;
    assert_eq!(stale, Err(vec!["VERSION_CONFLICT".to_owned()]));
    let awarded = decide(&selection.app.admin(), "decideGold", &recommended, Some(true))
        .await
        .unwrap();
    assert_eq!(awarded["awardedOn"], "2026-03-02");
    let by: Vec<(&str, &str)> = awarded["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["state"].as_str().unwrap(), step["by"].as_str().unwrap()))
        .collect();
    assert_eq!(
        by,
        [
            ("APPLIED", "secretary-B1"),
            ("RECOMMENDED", "admin-2"),
            ("AWARDED", "admin-1")
        ]
    );
});

on_both!(who_cannot_apply_is_told_every_reason, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT", "GOVERNMENT", "RURAL"], 5).await;
    let apply = async |n: usize, year: i32, statement: &str| {
        let input = json!({ "branchId": selection.id(n), "year": year, "statement": statement });
        step(&selection.secretary(n), "applyForGold", input).await
    };
    let refused = |codes: &[&str]| Err(codes.iter().map(|&code| code.to_owned()).collect::<Vec<_>>());
    // No campaign of the year, and one that chooses no gold branches.
    for year in [2024, 2025] {
        assert_eq!(apply(1, year, "材料").await, refused(&["RULE_VIOLATION"]));
    }
    assert_eq!(
        apply(1, 2024, "电话 13800138000").await,
        refused(&["INVALID_INPUT", "RULE_VIOLATION"])
    );
    assert_eq!(
        apply(1, 2026, &"材".repeat(4001)).await,
        refused(&["INVALID_INPUT"])
    );
    apply(1, 2026, "材料").await.unwrap();
    assert_eq!(apply(1, 2026, "材料").await, refused(&["ALREADY_EXISTS"]));
    selection.app.give_gold("B2", "2025-12-31").await;
    assert_eq!(apply(2, 2026, "材料").await, refused(&["RULE_VIOLATION"]));
    sql(
        &selection.app,
        vec!["UPDATE branch SET form = 'TEMPORARY' WHERE code = 'B3'".to_owned()],
    )
    .await;
    assert_eq!(apply(3, 2026, "材料").await, refused(&["RULE_VIOLATION"]));
    let other = json!({ "branchId": selection.id(2), "year": 2026, "statement": "材料" });
    assert_eq!(
        step(&selection.secretary(1), "applyForGold", other).await,
        refused(&["FORBIDDEN"])
    );
});

on_both!(only_those_in_scope_see_applications, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT", "RURAL"], 5).await;
    let app = &selection.app;
    app.open_source("EJIA").await;
    let applied = selection.apply(1).await.unwrap();
    let list = "{ goldApplications(filter: { year: 2026, states: [APPLIED], domains: [GOVERNMENT] }) {
        totalCount nodes { id branch { code } } } }";
    let node = "query($id: ID!) { node(id: $id) { id } }";
    for (caller, sees) in [
        (app.admin(), true),
        (app.committee("C1"), true),
        (selection.secretary(1), true),
        (app.viewer(None), true),
        (app.viewer(Some("C1")), true),
        (app.committee("C2"), false),
        (app.viewer(Some("C2")), false),
        (selection.secretary(2), false),
        (app.examiner_of("B2"), false),
    ] {
        let (application, eligibility) = selection.seen(&caller, 1).await;
        assert_eq!(application["id"] == applied["id"], sees, "{application}");
        assert_eq!(eligibility["eligible"] == true, sees, "{eligibility}");
        let data = caller.data(list).await;
        assert_eq!(data["goldApplications"]["totalCount"], i32::from(sees));
        assert_eq!(
            data["goldApplications"]["nodes"][0]["branch"]["code"] == "B1",
            sees
        );
        let answer = caller.ask(node, json!({ "id": applied["id"] })).await;
        assert_eq!(!answer.data()["node"].is_null(), sees);
    }
    let adapter = app.adapter("EJIA").data(list).await;
    assert_eq!(adapter["goldApplications"]["totalCount"], 0);
    // Other years, other states, other places.
    for filter in [
        "year: 2025",
        "states: [AWARDED]",
        "domains: [RURAL]",
        "organizationId: \"x\"",
    ] {
        let query = format!("{{ goldApplications(filter: {{ {filter} }}) {{ nodes {{ id }} }} }}");
        let data = app.admin().data(&query).await;
        assert_eq!(data["goldApplications"]["nodes"], json!([]), "{filter}");
    }
    let c1 = app.organization_id("C1").await;
    let query =
        format!("{{ goldApplications(filter: {{ organizationId: \"{c1}\" }}) {{ nodes {{ id year }} }} }}");
    let data = app.admin().data(&query).await;
    assert_eq!(data["goldApplications"]["nodes"][0]["year"], 2026);
});

on_both!(what_waits_for_committee_and_district_is_a_todo, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT"], 5).await;
    let app = &selection.app;
    let todos = async |caller: As<'_>| -> Vec<String> {
        let query = "{ viewer { todos { kind title node { id } } } }";
        let data = caller.past_results().data(query).await;
        let all = data["viewer"]["todos"].as_array().unwrap().clone();
        all.iter()
            .map(|todo| todo["kind"].as_str().unwrap().to_owned())
            .filter(|kind| kind.ends_with("_GOLD"))
            .collect()
    };
    let none = Vec::<String>::new();
    let applied = selection.apply(1).await.unwrap();
    assert_eq!(todos(app.committee("C1")).await, ["RECOMMEND_GOLD"]);
    for other in [app.committee("C2"), app.admin(), selection.secretary(1)] {
        assert_eq!(todos(other).await, none);
    }
    decide(&app.committee("C1"), "recommendGold", &applied, Some(true))
        .await
        .unwrap();
    assert_eq!(todos(app.admin()).await, ["DECIDE_GOLD"]);
    assert_eq!(todos(app.committee("C1")).await, none);
    // Who has recommended does not decide, whatever token they hold; nobody is reminded of what is not theirs.
    assert_eq!(todos(selection.admin("officer-C1")).await, none);
    assert_eq!(todos(selection.admin("secretary-B1")).await, none);
    // What a lifted veto leads back to is nobody's decision.
    let veto = selection.veto(1).await;
    selection.lift(&veto).await;
    assert_eq!(todos(app.admin()).await, ["DECIDE_GOLD"]);
});

on_both!(a_title_is_told_to_everybody_and_can_be_revoked, |db| async move {
    let selection = Selection::new(db, &["GOVERNMENT", "GOVERNMENT"], 5).await;
    let app = &selection.app;
    let is_gold = async || -> Value {
        let query = "query($id: ID!) { branch(by: { id: $id }) { isGold } }";
        let answer = app
            .viewer(None)
            .ask(query, json!({ "id": selection.id(1) }))
            .await;
        answer.data()["branch"]["isGold"].clone()
    };
    // Asked before, so that what is kept must give way.
    assert_eq!(is_gold().await, false);
    let awarded = selection.awarded(1).await;
    assert_eq!(is_gold().await, true);
    let pairing = json!({ "form": "ONE_TO_MANY", "basis": "SAME_DOMAIN", "title": "结对", "year": 2026,
        "leadIds": [selection.id(1)], "partnerIds": [selection.id(2)], "startsOn": "2026-03-02" });
    let proposed = app
        .admin()
        .mutate("proposePairing", "pairing { id leadLostGold }", pairing)
        .await;
    let pairing = proposed.done()["pairing"].clone();
    assert_eq!(pairing["leadLostGold"], false);

    let revoked = decide(&app.admin(), "revokeGold", &awarded, None).await.unwrap();
    assert_eq!(
        (&revoked["state"], &revoked["awardedOn"]),
        (&json!("REVOKED"), &json!("2026-03-02"))
    );
    assert_eq!(is_gold().await, false);
    let query = "query($id: ID!) { node(id: $id) { ... on Pairing { leadLostGold } } }";
    let answer = app.admin().ask(query, json!({ "id": pairing["id"] })).await;
    assert_eq!(answer.data()["node"]["leadLostGold"], true);
    // A year has one application, whatever came of it.
    assert_eq!(selection.apply(1).await, Err(vec!["ALREADY_EXISTS".to_owned()]));

    app.settle().await;
    let gold = heard(&app.committee("C1"), "GOLD", "action nodeId version branchIds", 4).await;
    let steps: Vec<(&str, i64)> = gold
        .iter()
        .map(|c| (c["action"].as_str().unwrap(), c["version"].as_i64().unwrap()))
        .collect();
    assert_eq!(
        steps,
        [("CREATED", 1), ("UPDATED", 2), ("UPDATED", 3), ("UPDATED", 4)]
    );
    assert!(
        gold.iter().all(
            |change| change["nodeId"] == awarded["id"] && change["branchIds"] == json!([selection.id(1)])
        )
    );
    assert_eq!(
        heard(&app.committee("C2"), "GOLD", "nodeId", 0).await,
        Vec::<Value>::new()
    );
    // Founded, awarded, revoked; for everybody.
    let branch: Vec<Value> = heard(&app.viewer(None), "BRANCH", "nodeId", 4).await;
    let of_first = branch.iter().filter(|change| change["nodeId"] == selection.id(1));
    assert_eq!(of_first.count(), 3);
    // Proposed, and the lead's title gone.
    let pairings = heard(&app.admin(), "PAIRING", "nodeId", 2).await;
    assert_eq!(pairings.len(), 2);
});

on_both!(the_end_of_a_branch_takes_back_what_is_open, |db| async move {
    let domains = ["GOVERNMENT"; 4];
    let selection = Selection::new(db, &domains, 5).await;
    let app = &selection.app;
    selection.apply(1).await.unwrap();
    selection.recommended(2).await;
    selection.veto(2).await;
    let awarded = selection.awarded(3).await;
    for n in [1, 3] {
        let input =
            json!({ "id": selection.id(n), "version": 1, "effectiveOn": "2026-03-01", "reason": "撤销" });
        done(app, "dissolveBranch", input).await;
    }
    let input = json!({ "id": selection.id(2), "version": 1, "intoBranchId": selection.id(4),
        "effectiveOn": "2026-03-01", "reason": "合并" });
    done(app, "mergeBranch", input).await;
    for (n, words) in [(1, "The branch was dissolved"), (2, "The branch was merged")] {
        let (application, _) = selection.seen(&app.admin(), n).await;
        assert_eq!(application["state"], "WITHDRAWN");
        let last = application["steps"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (&last["state"], &last["by"]),
            (&json!("WITHDRAWN"), &json!("zhibu"))
        );
        assert!(last["opinion"].as_str().unwrap().contains(words));
    }
    let (application, _) = selection.seen(&app.admin(), 3).await;
    assert_eq!(application["state"], "AWARDED");
    let query = "query($id: ID!) { branch(by: { id: $id }) { isGold } }";
    let answer = app.admin().ask(query, json!({ "id": selection.id(3) })).await;
    assert_eq!(answer.data()["branch"]["isGold"], true);
    // All that is left is that the district takes the title, and with it the place of the quota, back.
    let revoked = decide(&app.admin(), "revokeGold", &awarded, None).await.unwrap();
    assert_eq!(revoked["state"], "REVOKED");
    let answer = app.admin().ask(query, json!({ "id": selection.id(3) })).await;
    assert_eq!(answer.data()["branch"]["isGold"], false);
    let (none, _) = selection.seen(&app.admin(), 4).await;
    assert_eq!(none, Value::Null);
});

on_both!(
    a_page_costs_the_same_statements_whatever_its_size,
    |db| async move {
        let domains = [
            "GOVERNMENT",
            "RURAL",
            "COMMUNITY",
            "GOVERNMENT",
            "RURAL",
            "COMMUNITY",
        ];
        let selection = Selection::new(db, &domains, 5).await;
        for n in 1..=domains.len() {
            selection.apply(n).await.unwrap();
        }
        let of_branches =
            "query($n: Int!) { branches(first: $n) { nodes { goldEligibility(year: 2026) { reasons }
        goldApplication(year: 2026) { year state steps { by } eligibility { reasons } } } } }";
        let of_applications =
            "query($n: Int!) { goldApplications(first: $n) { nodes { year branch { name } steps { by } } } }";
        for query in [of_branches, of_applications] {
            let mut counted = Vec::new();
            for n in [1, 1, 6] {
                let before = selection.app.database.statements();
                let answer = selection
                    .app
                    .admin()
                    .past_results()
                    .ask(query, json!({ "n": n }))
                    .await;
                answer.data();
                counted.push(selection.app.database.statements() - before);
            }
            assert_eq!(counted[1], counted[2], "{counted:?}");
            assert!(counted[2] <= 12, "{counted:?}");
        }
    }
);
