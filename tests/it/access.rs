//! Who sees and who may (docs/domain.md, 9 and 10): every root field × every role, from introspection, so that a new
//! field without a row here fails.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    gold::gold_and_veto,
    support::{
        app::{As, TestApp},
        on_both,
    },
};

/// Columns of the tables below.
const ROLES: [&str; 6] = [
    "DISTRICT_ADMIN",
    "COMMITTEE_OFFICER",
    "EXAMINER",
    "BRANCH_OFFICER",
    "VIEWER",
    "ADAPTER",
];

/// A root query, what it is asked for, and what each role finds of the record in the row: `+` something, `-` nothing (null
/// or empty). The record lies in the committee's subtree, and is the branch officer's own.
const QUERIES: &[(&str, &str, &str)] = &[
    ("viewer", "{ viewer { subject } }", "++++++"),
    (
        "serviceLimits",
        "{ serviceLimits { document { bytes } documents { onlyTrusted } } }",
        "++++++",
    ),
    ("node", r#"{ node(id: "$BRANCH") { id } }"#, "+++++-"),
    ("nodes", r#"{ nodes(ids: ["$ORGANIZATION"]) { id } }"#, "+++++-"),
    (
        "organization",
        r#"{ organization(by: { code: "C1" }) { id } }"#,
        "+++++-",
    ),
    ("organizations", "{ organizations { nodes { id } } }", "+++++-"),
    ("branch", r#"{ branch(by: { code: "B1" }) { id } }"#, "+++++-"),
    ("branches", "{ branches { nodes { id } } }", "+++++-"),
    ("brands", "{ brands { nodes { id } } }", "+++++-"),
    (
        "pairings",
        "{ pairings(filter: { states: [PROPOSED] }) { nodes { id } } }",
        "+++++-",
    ),
    (
        "trainingRecords",
        "{ trainingRecords { nodes { id } } }",
        "+++++-",
    ),
    ("rectifications", "{ rectifications { nodes { id } } }", "+++++-"),
    ("healthChecks", "{ healthChecks { nodes { id } } }", "+++++-"),
    ("sites", "{ sites { nodes { id } } }", "+++++-"),
    ("headcounts", "{ headcounts { id } }", "+++++-"),
    ("changes", "{ changes { changes { nodeId } } }", "++++++"),
    ("auditEntries", "{ auditEntries { nodes { id } } }", "+-----"),
    (
        "leaderboard",
        "{ leaderboard { rows { branch { id } } } }",
        "+++++-",
    ),
    ("pointEntries", "{ pointEntries { nodes { id } } }", "+++++-"),
    ("board", "{ board { branchCount } }", "+++++-"),
    ("figures", "{ figures(year: 2022) { key } }", "+++++-"),
    (
        "suggestedPartners",
        r#"{ suggestedPartners(branchId: "$BRANCH") { branch { id } } }"#,
        "++-++-",
    ),
    (
        "pointSource",
        r#"{ pointSource(code: "EJIA") { code } }"#,
        "++++++",
    ),
    ("pointSources", "{ pointSources { code } }", "++++++"),
    (
        "goldApplications",
        "{ goldApplications { nodes { id } } }",
        "+++++-",
    ),
    ("vetoes", "{ vetoes { nodes { id } } }", "+-----"),
    (
        "quarantine",
        r#"{ quarantine(sourceCode: "EJIA") { nodes { id } } }"#,
        "+----+",
    ),
    ("campaign", "{ campaign(year: 2026) { id } }", "+++++-"),
    ("campaigns", "{ campaigns { id } }", "+++++-"),
];

/// A mutation, an input that names things of the committee's subtree and the branch officer's own branch, and who may: `+` it
/// comes to a payload (written or refused by a rule), `-` FORBIDDEN.
const MUTATIONS: &[(&str, &str, &str)] = &[
    (
        "createOrganization",
        r#"{ "code": "$NEW", "name": "n", "kind": "COMMITTEE", "parentId": "$DISTRICT" }"#,
        "+-----",
    ),
    (
        "updateOrganization",
        r#"{ "id": "$ORGANIZATION", "version": 999 }"#,
        "+-----",
    ),
    (
        "createBranch",
        r#"{ "code": "$NEW", "name": "n", "domain": "RURAL", "organizationId": "$ORGANIZATION", "foundedOn": "2020-01-01", "memberCount": 5 }"#,
        "++----",
    ),
    (
        "updateBranch",
        r#"{ "id": "$BRANCH", "version": 999, "memberCount": 9 }"#,
        "++-+--",
    ),
    (
        "recordElection",
        r#"{ "branchId": "$BRANCH", "version": 999, "electedOn": "2020-01-01" }"#,
        "++----",
    ),
    (
        "extendTerm",
        r#"{ "branchId": "$BRANCH", "version": 999, "extendedTo": "2030-01-01", "documentNumber": "d" }"#,
        "++----",
    ),
    (
        "mergeBranch",
        r#"{ "id": "$BRANCH", "version": 999, "intoBranchId": "$OTHER", "effectiveOn": "2026-01-01", "reason": "r" }"#,
        "+-----",
    ),
    (
        "dissolveBranch",
        r#"{ "id": "$BRANCH", "version": 999, "effectiveOn": "2026-01-01", "reason": "r" }"#,
        "+-----",
    ),
    (
        "addBranchAlias",
        r#"{ "branchId": "$BRANCH", "code": "$NEW", "since": "2020-01-01" }"#,
        "++----",
    ),
    (
        "endBranchAlias",
        r#"{ "branchId": "$BRANCH", "version": 999, "code": "x", "until": "2026-01-01" }"#,
        "++----",
    ),
    (
        "saveSite",
        r#"{ "name": "n", "kind": "TRAINING_BASE", "organizationId": "$ORGANIZATION" }"#,
        "++----",
    ),
    (
        "saveBrand",
        r#"{ "branchId": "$BRANCH", "name": "n", "description": "d" }"#,
        "---+--",
    ),
    ("submitBrand", r#"{ "id": "$BRAND", "version": 999 }"#, "---+--"),
    ("publishBrand", r#"{ "id": "$BRAND", "version": 999 }"#, "++----"),
    (
        "returnBrand",
        r#"{ "id": "$BRAND", "version": 999, "reason": "r" }"#,
        "++----",
    ),
    (
        "proposePairing",
        r#"{ "form": "ONE_TO_MANY", "basis": "CROSS_DOMAIN", "title": "t", "year": 2026, "leadIds": ["$BRANCH"], "partnerIds": ["$OTHER"], "startsOn": "2026-01-01" }"#,
        "++-+--",
    ),
    (
        "acceptPairing",
        r#"{ "id": "$PAIRING", "branchId": "$BRANCH" }"#,
        "---+--",
    ),
    (
        "approvePairing",
        r#"{ "id": "$PAIRING", "version": 999 }"#,
        "++----",
    ),
    (
        "rejectPairing",
        r#"{ "id": "$PAIRING", "version": 999, "reason": "r" }"#,
        "++-+--",
    ),
    (
        "recordPairingActivity",
        r#"{ "pairingId": "$PAIRING", "heldOn": "2026-01-02", "topic": "t", "branchIds": ["$BRANCH"] }"#,
        "---+--",
    ),
    (
        "completePairing",
        r#"{ "id": "$PAIRING", "version": 999 }"#,
        "++----",
    ),
    (
        "terminatePairing",
        r#"{ "id": "$PAIRING", "version": 999, "reason": "r" }"#,
        "++----",
    ),
    (
        "recordTraining",
        r#"{ "topic": "t", "kind": "LECTURE", "audience": "MEMBER", "heldOn": "2026-01-01", "hours": 1, "organizerId": "$ORGANIZATION", "branchIds": ["$BRANCH"], "participantRefs": ["p"] }"#,
        "++----",
    ),
    (
        "correctTraining",
        r#"{ "id": "$TRAINING", "version": 999 }"#,
        "++----",
    ),
    (
        "removeTraining",
        r#"{ "id": "$TRAINING", "version": 999 }"#,
        "++----",
    ),
    (
        "reportHeadcount",
        r#"{ "organizationId": "$ORGANIZATION", "kind": "VOLUNTEER", "count": 1, "asOf": "2026-01-01" }"#,
        "++----",
    ),
    (
        "answerCheckItems",
        r#"{ "healthCheckId": "$CHECK", "version": 999, "answers": [] }"#,
        "--++--",
    ),
    (
        "submitSelfCheck",
        r#"{ "id": "$CHECK", "version": 999 }"#,
        "---+--",
    ),
    (
        "assignExaminers",
        r#"{ "healthCheckId": "$CHECK", "version": 999, "subjects": [] }"#,
        "++----",
    ),
    (
        "recordVisit",
        r#"{ "healthCheckId": "$CHECK", "kind": "REPORT", "visitedOn": "2026-01-02", "summary": "s" }"#,
        "--+---",
    ),
    (
        "concludeConsultation",
        r#"{ "healthCheckId": "$CHECK", "version": 999, "verdicts": [], "evaluation": "e" }"#,
        "--+---",
    ),
    (
        "closeHealthCheck",
        r#"{ "id": "$CHECK", "version": 999 }"#,
        "++----",
    ),
    (
        "raiseRectification",
        r#"{ "branchId": "$BRANCH", "origin": "INSPECTION", "finding": { "aspect": "ROLE", "title": "t", "prescription": "p", "dueOn": "2099-01-01" } }"#,
        "+++---",
    ),
    (
        "assignRectification",
        r#"{ "id": "$RECTIFICATION", "version": 999, "dueOn": "2099-01-01" }"#,
        "++----",
    ),
    (
        "submitRectification",
        r#"{ "id": "$RECTIFICATION", "version": 999, "note": "n" }"#,
        "---+--",
    ),
    (
        "closeRectification",
        r#"{ "id": "$RECTIFICATION", "version": 999, "note": "n" }"#,
        "+++---",
    ),
    (
        "reviewRectification",
        r#"{ "id": "$RECTIFICATION", "version": 999, "note": "n" }"#,
        "+++---",
    ),
    (
        "returnRectification",
        r#"{ "id": "$RECTIFICATION", "version": 999, "note": "n" }"#,
        "+++---",
    ),
    (
        "reopenRectification",
        r#"{ "id": "$RECTIFICATION", "version": 999, "note": "n" }"#,
        "++----",
    ),
    (
        "waiveRectification",
        r#"{ "id": "$RECTIFICATION", "version": 999, "note": "n" }"#,
        "+-----",
    ),
    (
        "pushPoints",
        r#"{ "sourceCode": "EJIA", "entries": [] }"#,
        "+----+",
    ),
    (
        "reconcilePoints",
        r#"{ "sourceCode": "EJIA", "period": "2026", "totals": [] }"#,
        "+----+",
    ),
    (
        "adjustPoints",
        r#"{ "branchId": "$BRANCH", "points": 1, "occurredAt": "2026-01-01T04:00:00Z", "documentNumber": "d", "note": "n" }"#,
        "+-----",
    ),
    ("resolveQuarantine", r#"{ "id": "$QUARANTINED" }"#, "+-----"),
    (
        "discardQuarantine",
        r#"{ "id": "$QUARANTINED", "reason": "r" }"#,
        "+-----",
    ),
    (
        "applyForGold",
        r#"{ "branchId": "$BRANCH", "year": 2026, "statement": "s" }"#,
        "---+--",
    ),
    (
        "withdrawGold",
        r#"{ "id": "$GOLD", "version": 999, "opinion": "o" }"#,
        "---+--",
    ),
    (
        "recommendGold",
        r#"{ "id": "$GOLD", "version": 999, "favourable": true, "opinion": "o" }"#,
        "++----",
    ),
    (
        "decideGold",
        r#"{ "id": "$GOLD", "version": 999, "favourable": true, "opinion": "o" }"#,
        "+-----",
    ),
    (
        "revokeGold",
        r#"{ "id": "$GOLD", "version": 999, "opinion": "o" }"#,
        "+-----",
    ),
    (
        "recordVeto",
        r#"{ "branchId": "$BRANCH", "kind": "OTHER", "occurredOn": "2026-01-01", "documentNumber": "d" }"#,
        "+-----",
    ),
    ("liftVeto", r#"{ "id": "$VETO", "reason": "r" }"#, "+-----"),
    ("pullPoints", r#"{ "sourceCode": "EJIA" }"#, "+-----"),
    (
        "pauseSource",
        r#"{ "sourceCode": "EJIA", "paused": true }"#,
        "+-----",
    ),
    (
        "openCampaign",
        r#"{ "year": 2027, "theme": "t", "windowFrom": "2027-01-01", "windowTo": "2027-12-31" }"#,
        "+-----",
    ),
    (
        "updateGoldPlan",
        r#"{ "year": 2026, "gold": { "totalQuota": 5 } }"#,
        "+-----",
    ),
];

/// A service with one record of everything.
struct Records {
    app: TestApp,
    names: BTreeMap<&'static str, String>,
}

impl Records {
    async fn new(db: crate::support::TestDatabase) -> Self {
        let app = TestApp::with_tree(db).await;
        let mut names = BTreeMap::from([
            ("$DISTRICT", app.organization_id("D").await),
            ("$ORGANIZATION", app.organization_id("C1").await),
        ]);
        let made = |answer: crate::support::app::Answer, of: &str| {
            answer.done()[of]["id"].as_str().expect("an id").to_owned()
        };
        let admin = app.admin();
        for (name, code) in [("$BRANCH", "B1"), ("$OTHER", "B2")] {
            let input = json!({ "code": code, "name": code, "domain": "RURAL", "organizationId": names["$ORGANIZATION"],
                "foundedOn": "2020-01-01", "memberCount": 5 });
            let branch = made(
                admin.mutate("createBranch", "branch { id }", input).await,
                "branch",
            );
            names.insert(name, branch);
        }
        app.give_gold("B1", "2021-01-01").await;
        let secretary = app.secretary_of("B1");
        let brand = |name: &str| json!({ "branchId": names["$BRANCH"], "name": name, "description": "d" });
        let published = made(
            secretary.mutate("saveBrand", "brand { id }", brand("甲")).await,
            "brand",
        );
        let submitted = secretary
            .mutate(
                "submitBrand",
                "brand { id }",
                json!({ "id": published, "version": 1 }),
            )
            .await;
        submitted.done();
        admin
            .mutate(
                "publishBrand",
                "brand { id }",
                json!({ "id": published, "version": 2 }),
            )
            .await
            .done();
        let draft = made(
            secretary.mutate("saveBrand", "brand { id }", brand("乙")).await,
            "brand",
        );
        let pairing = json!({ "form": "ONE_TO_MANY", "basis": "SAME_DOMAIN", "title": "t", "year": 2026,
            "leadIds": [names["$BRANCH"]], "partnerIds": [names["$OTHER"]], "startsOn": "2026-01-01" });
        let pairing = made(
            admin.mutate("proposePairing", "pairing { id }", pairing).await,
            "pairing",
        );
        let training = json!({ "topic": "t", "kind": "LECTURE", "audience": "MEMBER", "heldOn": "2026-01-01", "hours": 1,
            "organizerId": names["$ORGANIZATION"], "branchIds": [names["$BRANCH"]], "participantRefs": ["p"] });
        let training = made(
            admin
                .mutate("recordTraining", "trainingRecord { id }", training)
                .await,
            "trainingRecord",
        );
        let campaign = json!({ "year": 2026, "theme": "t", "windowFrom": "2026-01-01", "windowTo": "2026-12-31", "gold": { "totalQuota": 5 } });
        admin
            .mutate("openCampaign", "campaign { id }", campaign)
            .await
            .done();
        let query = r#"{ branch(by: { code: "B1" }) { healthCheck { id version } } }"#;
        let check = admin.data(query).await["branch"]["healthCheck"].clone();
        let assign =
            json!({ "healthCheckId": check["id"], "version": check["version"], "subjects": ["examiner-1"] });
        admin.mutate("assignExaminers", "", assign).await.done();
        names.insert("$CHECK", check["id"].as_str().unwrap().to_owned());
        let finding = json!({ "branchId": names["$BRANCH"], "origin": "INSPECTION", "finding": {
            "aspect": "ROLE", "title": "t", "prescription": "p", "dueOn": "2099-01-01" } });
        let rectification = made(
            admin
                .mutate("raiseRectification", "rectification { id }", finding)
                .await,
            "rectification",
        );
        names.insert("$RECTIFICATION", rectification);
        app.open_source("EJIA").await;
        let entries = json!([
            { "eventId": "E1", "branchCode": "B1", "points": 5, "occurredAt": "2026-01-01T04:00:00Z" },
            { "eventId": "E2", "branchCode": "X", "points": 5, "occurredAt": "2026-01-01T04:00:00Z" },
        ]);
        let push = json!({ "sourceCode": "EJIA", "entries": entries });
        admin.mutate("pushPoints", "accepted", push).await.done();
        let waiting = admin
            .data(r#"{ quarantine(sourceCode: "EJIA") { nodes { id } } }"#)
            .await;
        let waiting = waiting["quarantine"]["nodes"][0]["id"].as_str().expect("an id");
        names.insert("$QUARANTINED", waiting.to_owned());
        let site = json!({ "name": "n", "kind": "TRAINING_BASE", "organizationId": names["$ORGANIZATION"] });
        admin.mutate("saveSite", "site { id }", site).await.done();
        let headcount = json!({ "organizationId": names["$ORGANIZATION"], "kind": "VOLUNTEER", "count": 1, "asOf": "2026-01-02" });
        admin
            .mutate("reportHeadcount", "headcount { id }", headcount)
            .await
            .done();
        let (gold, veto) = gold_and_veto(&app, "B1").await;
        names.extend([("$GOLD", gold), ("$VETO", veto)]);
        app.settle().await;
        names.extend([("$BRAND", draft), ("$PAIRING", pairing), ("$TRAINING", training)]);
        Self { app, names }
    }

    fn filled(&self, text: &str) -> String {
        // The longest names first: $BRANCH is not $BRAND.
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names
            .into_iter()
            .fold(text.to_owned(), |text, (name, id)| text.replace(name, id))
    }

    fn caller(&self, role: &str) -> As<'_> {
        match role {
            "DISTRICT_ADMIN" => self.app.admin(),
            "COMMITTEE_OFFICER" => self.app.committee("C1"),
            "EXAMINER" => self.app.examiner_of("B2"),
            "BRANCH_OFFICER" => self.app.secretary_of("B1"),
            "VIEWER" => self.app.viewer(None),
            "ADAPTER" => self.app.adapter("EJIA"),
            role => panic!("{role}"),
        }
    }
}

/// Whether an answer holds anything but nulls and empty lists.
fn finds(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(finds),
        Value::Object(fields) => fields.values().any(finds),
        _ => true,
    }
}

async fn root_fields(app: &TestApp, root: &str) -> Vec<String> {
    let data = app
        .admin()
        .data(&format!("{{ __schema {{ {root} {{ fields {{ name }} }} }} }}"))
        .await;
    let fields = data["__schema"][root]["fields"].as_array().unwrap();
    fields
        .iter()
        .map(|f| f["name"].as_str().unwrap().to_owned())
        .collect()
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names
}

on_both!(
    every_root_query_shows_each_role_what_it_may_see,
    |db| async move {
        let records = Records::new(db).await;
        let mut fields = root_fields(&records.app, "queryType").await;
        fields.sort();
        assert_eq!(
            fields,
            sorted(QUERIES.iter().map(|(field, ..)| *field)),
            "a root query without a row"
        );
        let mut wrong = Vec::new();
        for (field, query, seen) in QUERIES {
            for (role, expected) in ROLES.iter().zip(seen.chars()) {
                let answer = records.caller(role).ask(&records.filled(query), json!({})).await;
                // Of a root that cannot be null.
                let hidden = answer.body["data"].is_null() && answer.error_code() == "NOT_FOUND";
                let found = !hidden && finds(&answer.data()[field]);
                if found != (expected == '+') {
                    wrong.push(format!(
                        "{field} × {role}: expected {expected}, got {:#}",
                        answer.body
                    ));
                }
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
    }
);

on_both!(every_mutation_is_for_the_roles_that_may, |db| async move {
    let records = Records::new(db).await;
    let mut fields = root_fields(&records.app, "mutationType").await;
    fields.sort();
    assert_eq!(
        fields,
        sorted(MUTATIONS.iter().map(|(field, ..)| *field)),
        "a mutation without a row"
    );
    let mut wrong = Vec::new();
    for (n, (field, input, may)) in MUTATIONS.iter().enumerate() {
        for (role, expected) in ROLES.iter().zip(may.chars()) {
            let input = records
                .filled(input)
                .replace("$NEW", &format!("N{n}{}", &role[..1]));
            let input: Value = serde_json::from_str(&input).unwrap();
            let answer = records.caller(role).mutate(field, "", input).await;
            let forbidden = answer.body["errors"][0]["extensions"]["code"] == "FORBIDDEN";
            let payload = answer.body["data"][field].is_object();
            if forbidden != (expected == '-') || payload != (expected == '+') {
                wrong.push(format!(
                    "{field} × {role}: expected {expected}, got {:#}",
                    answer.body
                ));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
});

on_both!(out_of_scope_is_refused_whatever_the_role, |db| async move {
    let records = Records::new(db).await;
    // Committee C2 and the secretary of B2 have nothing to do with B1's things.
    let strangers = [records.app.committee("C2"), records.app.secretary_of("B2")];
    let mut reached = Vec::new();
    for (field, input, may) in MUTATIONS {
        for (stranger, column) in strangers.iter().zip([1, 3]) {
            // B2 is a member of the pairing too: what members may is its secretary's as well.
            let of_members = ["rejectPairing", "proposePairing", "recordPairingActivity"];
            let shared = column == 3 && of_members.contains(field);
            if may.chars().nth(column) != Some('+') || shared {
                continue;
            }
            let input: Value = serde_json::from_str(&records.filled(input).replace("$NEW", "NX")).unwrap();
            let answer = stranger.mutate(field, "", input).await;
            let code = answer.body["errors"][0]["extensions"]["code"]
                .as_str()
                .unwrap_or_default();
            // What they may see is FORBIDDEN to them, what they may not see is NOT_FOUND.
            let hidden = answer.body["data"][field]["userErrors"][0]["code"] == "NOT_FOUND";
            if code != "FORBIDDEN" && !hidden {
                reached.push(format!("{field}: {:#}", answer.body));
            }
        }
    }
    assert_eq!(reached, Vec::<String>::new());
});

on_both!(
    a_page_of_branches_costs_the_same_statements_whatever_its_size,
    |db| async move {
        let app = TestApp::with_demo(db).await;
        let query = "query($n: Int!) { branches(first: $n) { nodes {
        code name isGold brand { name } organization { name } term { electedOn endsOn }
        pairings(first: 10) { nodes { title members { role branch { name } } } } } } }";
        let mut counted = Vec::new();
        for n in [1, 10, 50, 50, 200] {
            let before = app.database.statements();
            app.viewer(None)
                .past_results()
                .ask(query, json!({ "n": n }))
                .await
                .data();
            counted.push(app.database.statements() - before);
        }
        // Branches with what there is one of beside them, their pairings, the members with names.
        assert!(counted.iter().all(|n| *n <= 3), "{counted:?}");
        assert_eq!(counted[2], counted[3]);
        // Whatever more is asked of the members' branches is read with their names, so that it is of one version.
        let more = query.replace("role branch { name }", "role branch { name version memberCount }");
        let before = app.database.statements();
        app.viewer(None)
            .past_results()
            .ask(&more, json!({ "n": 50 }))
            .await
            .data();
        assert_eq!(app.database.statements() - before, counted[2]);
        assert_eq!(counted[2], counted[4], "{counted:?}");
    }
);
