//! The wall map: each of its numbers, among rows that a wrong statement would count.

use serde_json::{Value, json};

use super::{branch, campaign, campaigns, check, found, pairing, row};
use crate::support::{
    TestDatabase,
    app::{As, TestApp},
    branches::sql,
    on_both,
    socket::Socket,
};

/// Everything.
const BOARD: &str = "query($organization: ID, $year: Int) { board(organizationId: $organization, year: $year) {
    asOf cursor year organization { code } branchCount goldCount
    domains { domain branches gold healthy founded }
    committees { organization { code name } branches gold averagePoints aspects { aspect open overdue closed } }
    funnel { eligible selfChecked consulted rectifying closed passed failed }
    lights { green blue amber red }
    terms { inTerm dueSoon overdue electedOnTime }
    gold { quota applied recommended awarded vetoed }
    pairings { oneToMany manyToMany branches coverage }
    training { sessions attendances participants hours }
    tiles { branchId name domain badge isGold points rank } } }";

async fn board(caller: &As<'_>, variables: Value) -> Value {
    let answer = caller.clone().past_results().ask(BOARD, variables).await;
    answer.data()["board"].clone()
}

async fn trained(app: &TestApp, over: Value) {
    let mut input = json!({ "topic": "支部书记培训", "kind": "CENTRALIZED", "audience": "SECRETARY", "heldOn": "2026-02-01",
        "hours": 1.5, "organizerId": app.organization_id("C1").await, "branchIds": [], "participantRefs": ["p1", "p2"] });
    for (name, value) in over.as_object().unwrap() {
        input[name] = value.clone();
    }
    app.admin()
        .mutate("recordTraining", "trainingRecord { id }", input)
        .await
        .done();
}

/// Branches B1 (C1), B2 (G1 below C1), B3 and B5 (C2), the temporary T1 (C1), and B4 (C1), which was dissolved.
async fn district(db: TestDatabase) -> TestApp {
    let app = TestApp::with_tree(db).await;
    let b1 = branch(&app, "C1", "B1", json!({ "electedOn": "2023-01-15" })).await;
    branch(&app, "G1", "B2", json!({ "electedOn": "2022-06-01" })).await;
    branch(&app, "C2", "B3", json!({ "electedOn": "2023-05-01" })).await;
    branch(&app, "C1", "B4", json!({ "electedOn": "2025-05-01" })).await;
    let rural = json!({ "domain": "RURAL", "foundedOn": "2026-02-01" });
    branch(&app, "C2", "B5", rural).await;
    let temporary = json!({ "form": "TEMPORARY", "foundedOn": "2026-01-15" });
    branch(&app, "C1", "T1", temporary).await;
    let election = json!({ "branchId": b1, "version": 1, "electedOn": "2026-01-10" });
    app.admin()
        .mutate("recordElection", "branch { id }", election)
        .await
        .done();
    app.open_source("EJIA").await;
    let points = [
        ("B1", 10.0, 2026),
        ("B2", 3.33, 2026),
        ("B3", 10.0, 2026),
        ("B4", 50.0, 2026),
        ("T1", 100.0, 2026),
        ("B2", 70.0, 2025),
    ];
    let entries: Vec<_> = (1..)
        .zip(points)
        .map(|(n, (code, points, year))| {
            json!({ "eventId": format!("E{n}"), "branchCode": code, "points": points,
                "occurredAt": format!("{year}-02-01T04:00:00Z") })
        })
        .collect();
    let push = json!({ "sourceCode": "EJIA", "entries": entries });
    app.admin().mutate("pushPoints", "accepted", push).await.done();
    campaigns(&app, &[2025, 2026]).await;
    // Trainings: two that count, of three persons; members', last year's, another committee's.
    trained(&app, json!({})).await;
    let workers = json!({ "audience": "PARTY_WORKER", "hours": 2, "participantRefs": ["p2", "p3", "p4"] });
    trained(&app, workers).await;
    trained(&app, json!({ "audience": "MEMBER", "participantRefs": ["p9"] })).await;
    trained(&app, json!({ "heldOn": "2025-12-31", "participantRefs": ["p8"] })).await;
    let elsewhere = json!({ "organizerId": app.organization_id("C2").await, "participantRefs": ["p1"] });
    trained(&app, elsewhere).await;

    let dissolved = |code: &str| {
        format!("UPDATE branch SET status = 'DISSOLVED', ended_on = '2026-02-28' WHERE code = '{code}'")
    };
    let mut statements = vec![
        dissolved("B4"),
        format!(
            "UPDATE branch_term SET on_time = true, elected_on = '2026-01-11' WHERE branch_id = {}",
            row("B4")
        ),
        check("B1", 2026, "CLOSED", "PASS"),
        check("B1", 2025, "CLOSED", "FAIL"),
        check("B2", 2026, "RECTIFICATION", "FAIL"),
        check("B3", 2026, "SELF_CHECK", "PENDING"),
        check("B4", 2026, "CLOSED", "PASS"),
        found("B1", "ROLE", "CLOSED", "MAJOR", "2026-01-01", "2026-02-01"),
        found("B1", "ROLE", "OPEN", "MINOR", "2025-12-31", "2026-12-31"),
        found("B2", "ROLE", "OPEN", "MINOR", "2026-02-01", "2026-03-01"),
        found("B2", "ROLE", "ASSIGNED", "MINOR", "2026-02-01", "2026-03-09"),
        found("B3", "SUPPORT", "SUBMITTED", "MINOR", "2026-02-01", "2026-06-01"),
        found("B3", "SUPPORT", "WAIVED", "MINOR", "2026-02-01", "2026-01-01"),
        found("B4", "ROLE", "OPEN", "MINOR", "2026-02-01", "2026-03-01"),
    ];
    for (code, revoked) in [("B1", "NULL"), ("B2", "'2026-01-01'"), ("B4", "NULL")] {
        statements.push(format!(
            "INSERT INTO gold_title (branch_id, awarded_on, revoked_on) VALUES ({}, '2024-12-31', {revoked})",
            row(code)
        ));
    }
    for (code, year, steps) in [
        ("B1", 2026, &["APPLIED", "RECOMMENDED", "AWARDED"][..]),
        ("B2", 2026, &["APPLIED", "VETOED", "APPLIED", "WITHDRAWN"]),
        ("B4", 2026, &["APPLIED", "NOT_RECOMMENDED"]),
        ("B3", 2025, &["APPLIED", "RECOMMENDED", "DECLINED"]),
    ] {
        statements.push(format!(
            "INSERT INTO gold_application (campaign_id, branch_id, state, statement, eligibility, version, updated_at) \
             VALUES ({}, {}, '{}', '材料', '{{}}', 1, '2026-01-01 00:00:00+00:00')",
            campaign(year),
            row(code),
            steps[steps.len() - 1]
        ));
        statements.extend(steps.iter().map(|state| {
            format!(
                "INSERT INTO gold_step (application_id, state, at, by) \
                 VALUES ((SELECT max(id) FROM gold_application), '{state}', '2026-01-01 00:00:00+00:00', 's')"
            )
        }));
    }
    for (year, form, state, members) in [
        (
            2026,
            "ONE_TO_MANY",
            "ACTIVE",
            &[("B1", None), ("B2", None), ("B5", Some("2026-02-01"))][..],
        ),
        (
            2026,
            "MANY_TO_MANY",
            "COMPLETED",
            &[("B1", None), ("B3", None), ("B4", None)],
        ),
        (2026, "ONE_TO_MANY", "PROPOSED", &[("B1", None), ("B5", None)]),
        (2026, "ONE_TO_MANY", "TERMINATED", &[("B1", None), ("B5", None)]),
        (2026, "ONE_TO_MANY", "REJECTED", &[("B1", None), ("B5", None)]),
        (2025, "ONE_TO_MANY", "ACTIVE", &[("B1", None), ("B5", None)]),
    ] {
        statements.extend(pairing(year, form, state, members));
    }
    sql(&app, statements).await;
    app
}

fn of<'v>(list: &'v Value, key: &str, name: &str) -> &'v Value {
    let found = list.as_array().unwrap().iter().find(|item| item[key] == name);
    found.unwrap_or_else(|| panic!("{name}: {list:#}"))
}

on_both!(
    every_number_of_the_board_is_that_of_the_records,
    |db| async move {
        let app = district(db).await;
        let viewer = app.viewer(None);
        let seen = board(&viewer, json!({})).await;
        assert_eq!(
            (&seen["year"], &seen["organization"]["code"], &seen["asOf"]),
            (&json!(2026), &json!("D"), &json!("2026-03-02T02:00:00Z"))
        );
        assert_eq!((&seen["branchCount"], &seen["goldCount"]), (&json!(5), &json!(1)));
        assert_eq!(seen["domains"].as_array().unwrap().len(), 7);
        assert_eq!(
            of(&seen["domains"], "domain", "GOVERNMENT"),
            &json!({ "domain": "GOVERNMENT", "branches": 3, "gold": 1, "healthy": 1, "founded": 0 })
        );
        assert_eq!(
            of(&seen["domains"], "domain", "RURAL"),
            &json!({ "domain": "RURAL", "branches": 1, "gold": 0, "healthy": 0, "founded": 1 })
        );
        let committees = seen["committees"].as_array().unwrap();
        let codes: Vec<&Value> = committees
            .iter()
            .map(|row| &row["organization"]["code"])
            .collect();
        assert_eq!(codes, ["C1", "C2"]);
        let row = |n: usize| ["branches", "gold", "averagePoints"].map(|name| &committees[n][name]);
        assert_eq!(row(0), [&json!(3), &json!(1), &json!(6.67)]);
        assert_eq!(row(1), [&json!(2), &json!(0), &json!(5)]);
        let aspect = |n: usize, name: &str| of(&committees[n]["aspects"], "aspect", name).clone();
        assert_eq!(committees[0]["aspects"].as_array().unwrap().len(), 7);
        assert_eq!(
            aspect(0, "ROLE"),
            json!({ "aspect": "ROLE", "open": 2, "overdue": 1, "closed": 1 })
        );
        assert_eq!(
            aspect(1, "SUPPORT"),
            json!({ "aspect": "SUPPORT", "open": 1, "overdue": 0, "closed": 1 })
        );
        assert_eq!(
            aspect(1, "ROLE"),
            json!({ "aspect": "ROLE", "open": 0, "overdue": 0, "closed": 0 })
        );
        assert_eq!(
            seen["funnel"],
            json!({ "eligible": 3, "selfChecked": 2, "consulted": 2, "rectifying": 1, "closed": 1, "passed": 1, "failed": 1 })
        );
        assert_eq!(
            seen["lights"],
            json!({ "green": 2, "blue": 1, "amber": 1, "red": 1 })
        );
        assert_eq!(
            seen["terms"],
            json!({ "inTerm": 1, "dueSoon": 1, "overdue": 1, "electedOnTime": 1 })
        );
        assert_eq!(
            seen["gold"],
            json!({ "quota": 5, "applied": 3, "recommended": 1, "awarded": 1, "vetoed": 1 })
        );
        assert_eq!(
            seen["pairings"],
            json!({ "oneToMany": 1, "manyToMany": 1, "branches": 3, "coverage": 0.75 })
        );
        assert_eq!(
            seen["training"],
            json!({ "sessions": 3, "attendances": 6, "participants": 4, "hours": 10.5 })
        );
        let tiles: Vec<_> = seen["tiles"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tile| {
                json!([
                    tile["domain"],
                    tile["badge"],
                    tile["isGold"],
                    tile["points"],
                    tile["rank"]
                ])
            })
            .collect();
        assert_eq!(
            tiles,
            [
                json!(["GOVERNMENT", "HEALTHY", true, 10, 1]),
                json!(["GOVERNMENT", "ACTION", false, 3.33, 3]),
                json!(["GOVERNMENT", "ATTENTION", false, 10, 1]),
                json!(["RURAL", "UNCHECKED", false, 0, 4]),
                json!(["GOVERNMENT", "UNCHECKED", false, 100, null]),
            ]
        );
    }
);

on_both!(a_board_is_of_an_organization_and_a_year, |db| async move {
    let app = district(db).await;
    let viewer = app.viewer(None);
    let c2 = app.organization_id("C2").await;
    let seen = board(&viewer, json!({ "organization": c2 })).await;
    assert_eq!((&seen["branchCount"], &seen["goldCount"]), (&json!(2), &json!(0)));
    assert_eq!(seen["committees"].as_array().unwrap().len(), 1);
    assert_eq!(seen["funnel"]["eligible"], 1);
    assert_eq!(
        seen["lights"],
        json!({ "green": 1, "blue": 1, "amber": 0, "red": 0 })
    );
    assert_eq!(
        seen["gold"],
        json!({ "quota": 5, "applied": 0, "recommended": 0, "awarded": 0, "vetoed": 0 })
    );
    assert_eq!(
        seen["pairings"],
        json!({ "oneToMany": 0, "manyToMany": 1, "branches": 1, "coverage": 0.5 })
    );
    assert_eq!(
        seen["training"],
        json!({ "sessions": 1, "attendances": 1, "participants": 1, "hours": 1.5 })
    );
    // Ranks are of the district.
    let ranks: Vec<&Value> = seen["tiles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tile| &tile["rank"])
        .collect();
    assert_eq!(ranks, [&json!(1), &json!(4)]);
    // A general branch has no committee below it.
    let g1 = app.organization_id("G1").await;
    let seen = board(&viewer, json!({ "organization": g1 })).await;
    assert_eq!(
        (&seen["branchCount"], &seen["committees"]),
        (&json!(1), &json!([]))
    );
    let last_year = board(&viewer, json!({ "year": 2025 })).await;
    assert_eq!(last_year["funnel"]["failed"], 1);
    assert_eq!(
        last_year["lights"],
        json!({ "green": 0, "blue": 1, "amber": 0, "red": 0 })
    );
    assert_eq!(
        last_year["gold"],
        json!({ "quota": 5, "applied": 1, "recommended": 1, "awarded": 0, "vetoed": 0 })
    );
    assert_eq!(last_year["pairings"]["oneToMany"], 1);
    assert_eq!(last_year["terms"]["electedOnTime"], 0);
    assert_eq!(last_year["training"]["participants"], 1);
    assert_eq!(last_year["tiles"][1]["points"], 70);
    // Everybody signed in sees the same.
    let mut officer = board(&app.secretary_of("B5"), json!({ "year": 2025 })).await;
    // But for how far the log had come, which is not the board's.
    officer["cursor"] = last_year["cursor"].clone();
    assert_eq!(officer, last_year);
    // Without a campaign there is nothing of one.
    let none = board(&viewer, json!({ "year": 2019 })).await;
    assert_eq!(
        (&none["gold"]["quota"], &none["funnel"]["eligible"]),
        (&json!(0), &json!(0))
    );
    for (variables, code) in [
        (json!({ "organization": "nonsense" }), "NOT_FOUND"),
        (json!({ "organization": c2.replace('O', "X") }), "NOT_FOUND"),
        (json!({ "year": 0 }), "BAD_REQUEST"),
        (json!({ "year": 99_999 }), "BAD_REQUEST"),
    ] {
        assert_eq!(viewer.ask(BOARD, variables).await.error_code(), code);
    }
    for variables in [json!({}), json!({ "organization": c2 })] {
        let hidden = app.adapter("EJIA").ask(BOARD, variables).await;
        assert_eq!(hidden.error_code(), "NOT_FOUND");
    }
    // The funnel of campaigns, too, in one statement for all of them.
    let funnels = "query($id: ID) { campaigns { year funnel(organizationId: $id) { eligible failed } } }";
    let before = app.database.statements();
    let data = viewer.ask(funnels, json!({})).await.data()["campaigns"].clone();
    assert!(app.database.statements() - before <= 2);
    assert_eq!(
        data[0],
        json!({ "year": 2026, "funnel": { "eligible": 3, "failed": 1 } })
    );
    assert_eq!(
        data[1],
        json!({ "year": 2025, "funnel": { "eligible": 1, "failed": 1 } })
    );
    let data = viewer.ask(funnels, json!({ "id": c2 })).await.data()["campaigns"].clone();
    assert_eq!(data[0]["funnel"], json!({ "eligible": 1, "failed": 0 }));
    let unknown = viewer.ask(funnels, json!({ "id": "nonsense" })).await;
    assert_eq!(unknown.body["errors"][0]["extensions"]["code"], "NOT_FOUND");
});

on_both!(figures_begin_on_the_day_that_is_configured, |db| async move {
    let app = TestApp::with_config(db, |config| {
        config.domain.figures_from = "2019-05-01".parse().ok();
    })
    .await;
    app.plant_tree().await;
    branch(&app, "C1", "B1", json!({ "foundedOn": "2019-05-01" })).await;
    branch(&app, "C1", "B2", json!({ "foundedOn": "2019-04-30" })).await;
    let seen = board(&app.admin(), json!({})).await;
    assert_eq!(of(&seen["domains"], "domain", "GOVERNMENT")["founded"], 1);
});

on_both!(the_demonstration_is_read_in_twelve_statements, |db| async move {
    let app = TestApp::with_demo(db).await;
    let viewer = app.viewer(None).past_results();
    board(&viewer, json!({})).await;
    let before = app.database.statements();
    let seen = board(&viewer, json!({})).await;
    let cost = app.database.statements() - before;
    assert!(cost <= 12, "{cost}");
    assert_eq!(
        (&seen["branchCount"], &seen["goldCount"]),
        (&json!(826), &json!(52))
    );
    assert_eq!(seen["year"], 2022);
    let funnel = &seen["funnel"];
    let counts = ["eligible", "selfChecked", "consulted", "passed", "failed"]
        .map(|name| funnel[name].as_i64().unwrap());
    assert_eq!(counts, [819, 819, 819, 771, 48]);
    assert_eq!(
        seen["lights"],
        json!({ "green": 2262, "blue": 33, "amber": 34, "red": 21 })
    );
    assert_eq!(
        seen["gold"],
        json!({ "quota": 52, "applied": 126, "recommended": 84, "awarded": 52, "vetoed": 4 })
    );
    let domains: Vec<_> = seen["domains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["branches"], row["gold"], row["founded"]]))
        .collect();
    assert_eq!(
        domains,
        [
            json!([132, 8, 6]),
            json!([168, 11, 17]),
            json!([118, 8, 6]),
            json!([126, 8, 8]),
            json!([84, 5, 7]),
            json!([158, 10, 38]),
            json!([33, 2, 9]),
        ]
    );
    let committees = seen["committees"].as_array().unwrap();
    assert_eq!(committees.len(), 13);
    let sum = |name: &str| {
        committees
            .iter()
            .map(|row| row[name].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!((sum("branches"), sum("gold")), (826, 52));
    assert_eq!(seen["terms"]["electedOnTime"], 175);
    assert_eq!(
        (&seen["terms"]["dueSoon"], &seen["terms"]["overdue"]),
        (&json!(22), &json!(8))
    );
    assert_eq!(
        seen["pairings"],
        json!({ "oneToMany": 40, "manyToMany": 4, "branches": 216, "coverage": 216.0 / 819.0 })
    );
    assert_eq!(
        (
            &seen["training"]["participants"],
            &seen["training"]["attendances"]
        ),
        (&json!(1328), &json!(1846))
    );
    let tiles = seen["tiles"].as_array().unwrap();
    let unranked = tiles.iter().filter(|tile| tile["rank"].is_null()).count();
    assert_eq!((tiles.len(), unranked), (826, 7));
    // What is not asked for is not read.
    let before = app.database.statements();
    viewer.data("{ board(year: 2022) { year asOf cursor } }").await;
    assert!(app.database.statements() - before <= 2);
});

on_both!(
    a_board_that_is_watched_moves_with_what_it_shows,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let b1 = branch(&app, "C1", "B1", json!({})).await;
        app.open_source("EJIA").await;
        app.settle().await;
        let token = app.viewer(None).token().unwrap().to_owned();
        let mut socket = Socket::open(&app, Some(&token)).await;
        let watch = "subscription { board(year: 2026) { cursor branchCount lights { blue } tiles { points badge } } }";
        socket.subscribe("wall", watch, json!({})).await;
        let first = socket.next_of("wall").await["board"].clone();
        assert_eq!(first["tiles"], json!([{ "points": 0, "badge": "UNCHECKED" }]));
        let entry =
            json!({ "eventId": "E1", "branchCode": "B1", "points": 5, "occurredAt": "2026-02-01T04:00:00Z" });
        let push = json!({ "sourceCode": "EJIA", "entries": [entry] });
        app.adapter("EJIA")
            .mutate("pushPoints", "accepted", push)
            .await
            .done();
        let second = socket.next_of("wall").await["board"].clone();
        assert_eq!(second["tiles"], json!([{ "points": 5, "badge": "UNCHECKED" }]));
        let finding = json!({ "branchId": b1, "origin": "INSPECTION", "finding": { "aspect": "ROLE", "title": "t",
        "prescription": "p", "dueOn": "2026-03-03" } });
        app.admin()
            .mutate("raiseRectification", "rectification { id }", finding)
            .await
            .done();
        let third = socket.next_of("wall").await["board"].clone();
        assert_eq!(third["tiles"], json!([{ "points": 5, "badge": "ATTENTION" }]));
        // What came after the first is found behind its cursor.
        app.settle().await;
        let changes = "query($after: ChangeCursor) { changes(after: $after) { changes { topic } } }";
        let page = app
            .admin()
            .ask(changes, json!({ "after": first["cursor"] }))
            .await;
        let topics: Vec<&Value> = page.data()["changes"]["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| &change["topic"])
            .collect();
        assert!(topics.contains(&&json!("POINTS")) && topics.contains(&&json!("RECTIFICATION")));
        // An adapter is told that there is none.
        let token = app.adapter("EJIA").token().unwrap().to_owned();
        let mut socket = Socket::open(&app, Some(&token)).await;
        socket.subscribe("wall", watch, json!({})).await;
        let refused = socket.hear().await;
        assert_eq!(refused["payload"][0]["extensions"]["code"], "NOT_FOUND");
        // A board that was kept is not stale.
        let query = "{ board { branchCount } }";
        assert_eq!(app.viewer(None).data(query).await["board"]["branchCount"], 1);
        branch(&app, "C2", "B2", json!({})).await;
        assert_eq!(app.viewer(None).data(query).await["board"]["branchCount"], 2);
    }
);
