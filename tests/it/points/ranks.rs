//! Ranks and lists by points, against what the totals themselves say.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use zhibu::{kernel::points::Points, points};

use super::push;
use crate::support::{
    app::TestApp,
    branches::{done, try_create},
    on_both,
};

const DOMAINS: [&str; 3] = ["RURAL", "COMMUNITY", "GOVERNMENT"];

struct Shown {
    code: String,
    organization: String,
    domain: String,
    part: bool,
    total: i64,
    ranks: [Option<i64>; 3],
}

fn hundredths(number: &Value) -> i64 {
    Points::parse(&number.to_string()).unwrap().hundredths()
}

async fn shown(app: &TestApp, period: &str) -> Vec<Shown> {
    let query = "query($period: Period) { branches(first: 200, filter: { statuses: [ACTIVE, MERGED, DISSOLVED] }) { nodes {
        code domain form status organization { code parent { code } }
        points(period: $period) { total rank rankInDomain rankInOrganization } } } }";
    let answer = app.viewer(None).ask(query, json!({ "period": period })).await;
    let nodes = answer.data()["branches"]["nodes"].as_array().unwrap().clone();
    nodes
        .iter()
        .map(|node| {
            let organization = &node["organization"];
            let general = organization["code"].as_str().unwrap().starts_with('G');
            let committee = if general {
                &organization["parent"]["code"]
            } else {
                &organization["code"]
            };
            let rank = |name: &str| node["points"][name].as_i64();
            Shown {
                code: node["code"].as_str().unwrap().to_owned(),
                organization: committee.as_str().unwrap().to_owned(),
                domain: node["domain"].as_str().unwrap().to_owned(),
                part: node["status"] == "ACTIVE" && node["form"] != "TEMPORARY",
                total: hundredths(&node["points"]["total"]),
                ranks: ["rank", "rankInDomain", "rankInOrganization"].map(rank),
            }
        })
        .collect()
}

/// Every rank is one more than how many have more.
async fn ranks_hold(app: &TestApp, period: &str) {
    assert_eq!(points::verify_totals(app.database.reader()).await.unwrap(), 0);
    assert_eq!(points::verify_scores(app.database.reader()).await.unwrap(), 0);
    let all = shown(app, period).await;
    for one in &all {
        let above = |among: &dyn Fn(&Shown) -> bool| {
            let more = all
                .iter()
                .filter(|other| other.part && other.total > one.total && among(other));
            one.part.then_some(1 + more.count() as i64)
        };
        let expected = [
            above(&|_| true),
            above(&|other| other.domain == one.domain),
            above(&|other| other.organization == one.organization),
        ];
        assert_eq!(one.ranks, expected, "{} in {period}: {}", one.code, one.total);
    }
    for (filter, among) in filters(app).await {
        let mut list: Vec<&Shown> = all.iter().filter(|one| one.part && among(one)).collect();
        list.sort_by_key(|one| std::cmp::Reverse(one.total));
        let query = "query($period: Period, $organizationId: ID, $domain: Domain) {
            leaderboard(period: $period, organizationId: $organizationId, domain: $domain, first: 200) {
              period participantCount rows { rank total branch { code } } } }";
        let mut variables = filter.clone();
        variables["period"] = json!(period);
        let answer = app.viewer(None).ask(query, variables).await;
        let board = &answer.data()["leaderboard"];
        assert_eq!(board["period"], period);
        assert_eq!(board["participantCount"], list.len(), "{filter}");
        let rows = board["rows"].as_array().unwrap();
        let totals: Vec<i64> = rows.iter().map(|row| hundredths(&row["total"])).collect();
        let expected: Vec<i64> = list.iter().map(|one| one.total).collect();
        assert_eq!(totals, expected, "{filter}");
        for row in rows {
            let total = hundredths(&row["total"]);
            let more = expected.iter().filter(|other| **other > total).count();
            assert_eq!(row["rank"], more + 1);
            let one = list.iter().find(|one| one.code == row["branch"]["code"]);
            assert_eq!(one.unwrap().total, total);
        }
    }
}

type Among = Box<dyn Fn(&Shown) -> bool>;

async fn filters(app: &TestApp) -> Vec<(Value, Among)> {
    let c1 = app.organization_id("C1").await;
    let district = app.organization_id("D").await;
    vec![
        (json!({}), Box::new(|_: &Shown| true)),
        (json!({ "organizationId": district }), Box::new(|_: &Shown| true)),
        (
            json!({ "domain": "RURAL" }),
            Box::new(|one: &Shown| one.domain == "RURAL"),
        ),
        (
            json!({ "organizationId": c1 }),
            Box::new(|one: &Shown| one.organization == "C1"),
        ),
        (
            json!({ "organizationId": c1, "domain": "RURAL" }),
            Box::new(|one: &Shown| one.organization == "C1" && one.domain == "RURAL"),
        ),
        (
            json!({ "organizationId": "nothing" }),
            Box::new(|_: &Shown| false),
        ),
    ]
}

async fn merge_counts(app: &TestApp) {
    let merged = app
        .database
        .housekeep(|transaction| Box::pin(points::merge_counts(transaction)))
        .await;
    assert!(!merged.unwrap());
}

/// Thirty branches below two committees and a general branch, two of them temporary.
async fn district(db: crate::support::TestDatabase) -> TestApp {
    let app = TestApp::with_tree(db).await;
    app.open_source("EJIA").await;
    for n in 0..30 {
        let over = json!({
            "code": format!("B{n:02}"), "domain": DOMAINS[n % 3],
            "form": if n % 14 == 9 { "TEMPORARY" } else { "SINGLE" },
        });
        let above = ["C1", "C2", "G1"][n / 3 % 3];
        try_create(&app, above, over).await.done();
    }
    app
}

async fn version(app: &TestApp, code: &str) -> (Value, Value) {
    let query = "query($code: String!) { branch(by: { code: $code }) { id version } }";
    let answer = app.admin().ask(query, json!({ "code": code })).await;
    let branch = &answer.data()["branch"];
    (branch["id"].clone(), branch["version"].clone())
}

on_both!(ranks_follow_points_and_places, |db| async move {
    let app = district(db).await;
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let random = |rng: &mut ChaCha20Rng, round: usize| -> Value {
        let entries: Vec<Value> = (0..120)
            .map(|n| {
                // Some have none, some less than none, several the same.
                let branch = format!("B{:02}", rng.random_range(0..22));
                let points = match n % 3 {
                    0 => json!(rng.random_range(-3..6)),
                    1 => json!(f64::from(rng.random_range(-2000..9000)) / 100.0),
                    _ => json!(0.5),
                };
                let month = rng.random_range(1..13);
                json!({ "eventId": format!("E{round}-{n}"), "branchCode": branch, "points": points,
                    "occurredAt": format!("2025-{month:02}-11T04:00:00Z") })
            })
            .collect();
        json!(entries)
    };
    push(app.adapter("EJIA"), random(&mut rng, 1)).await;
    ranks_hold(&app, "2025").await;
    ranks_hold(&app, "2025-03").await;
    ranks_hold(&app, "2024").await;
    merge_counts(&app).await;
    ranks_hold(&app, "2025").await;

    // Branches change their field and their organization, are merged, dissolved and founded.
    let (id, read) = version(&app, "B00").await;
    done(
        &app,
        "updateBranch",
        json!({ "id": id, "version": read, "domain": "GOVERNMENT" }),
    )
    .await;
    ranks_hold(&app, "2025").await;
    let (id, read) = version(&app, "B01").await;
    let c2 = app.organization_id("C2").await;
    done(
        &app,
        "updateBranch",
        json!({ "id": id, "version": read, "organizationId": c2 }),
    )
    .await;
    ranks_hold(&app, "2025-03").await;
    let (id, read) = version(&app, "B02").await;
    let (into, _) = version(&app, "B03").await;
    let merger = json!({ "id": id, "version": read, "intoBranchId": into, "effectiveOn": "2026-01-01", "reason": "并入" });
    done(&app, "mergeBranch", merger).await;
    ranks_hold(&app, "2025").await;
    let (id, read) = version(&app, "B04").await;
    done(
        &app,
        "dissolveBranch",
        json!({ "id": id, "version": read, "effectiveOn": "2026-01-01", "reason": "撤销" }),
    )
    .await;
    try_create(&app, "C2", json!({ "code": "B99", "domain": "RURAL" }))
        .await
        .done();
    // Late entries under the code of the merged branch count for its successor too.
    push(app.adapter("EJIA"), random(&mut rng, 2)).await;
    ranks_hold(&app, "2025").await;
    merge_counts(&app).await;
    push(app.adapter("EJIA"), random(&mut rng, 3)).await;
    ranks_hold(&app, "2025").await;
    ranks_hold(&app, "2025-03").await;

    // A general branch moves with its branches.
    let general = app.organization_id("G1").await;
    let moved = app
        .admin()
        .mutate(
            "updateOrganization",
            "organization { id }",
            json!({ "id": general, "version": 1, "parentId": c2 }),
        )
        .await;
    moved.done();
    ranks_hold(&app, "2025").await;
});

on_both!(a_year_is_shown_month_by_month, |db| async move {
    let app = district(db).await;
    let at = |event: &str, at: &str, points: i64| json!({ "eventId": event, "branchCode": "B00", "points": points, "occurredAt": at });
    push(
        app.adapter("EJIA"),
        json!([
            at("E1", "2025-01-31T15:59:59Z", 1),
            // February in Shanghai.
            at("E2", "2025-01-31T16:00:00Z", 2),
            at("E3", "2025-12-31T15:59:59Z", 3),
            at("E4", "2025-12-31T16:00:00Z", 4),
        ]),
    )
    .await;
    let query = r#"{ branch(by: { code: "B00" }) { points { period total rank } pointHistory(year: 2025) { period total rank entryCount } } }"#;
    let data = app.viewer(None).data(query).await;
    // This year, where none is named.
    assert_eq!(
        data["branch"]["points"],
        json!({ "period": "2026", "total": 4, "rank": 1 })
    );
    let months = data["branch"]["pointHistory"].as_array().unwrap();
    let totals: BTreeMap<&str, i64> = months
        .iter()
        .filter(|month| month["total"] != 0)
        .map(|month| {
            (
                month["period"].as_str().unwrap(),
                month["total"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(months.len(), 12);
    assert_eq!(
        totals,
        BTreeMap::from([("2025-01", 1), ("2025-02", 2), ("2025-12", 3)])
    );
    assert_eq!(
        months[3],
        json!({ "period": "2025-04", "total": 0, "rank": 1, "entryCount": 0 })
    );
    for year in ["0", "10000", "-1"] {
        let query =
            format!(r#"{{ branch(by: {{ code: "B00" }}) {{ pointHistory(year: {year}) {{ total }} }} }}"#);
        assert_eq!(
            app.viewer(None).ask(&query, json!({})).await.error_code(),
            "BAD_REQUEST"
        );
    }
    for first in [-1, 201] {
        let query = format!("{{ leaderboard(first: {first}) {{ participantCount }} }}");
        assert_eq!(
            app.viewer(None).ask(&query, json!({})).await.error_code(),
            "BAD_REQUEST"
        );
    }
});

on_both!(the_order_by_points_is_that_of_this_year, |db| async move {
    let app = district(db).await;
    // Two branches, each ahead in a year of its own; the year's campaign is not opened yet.
    let earned = |event: &str, code: &str, day: &str| json!({ "eventId": event, "branchCode": code, "points": 5, "occurredAt": format!("{day}T04:00:00Z") });
    push(
        app.adapter("EJIA"),
        json!([earned("A", "B01", "2025-06-01"), earned("B", "B02", "2026-01-01")]),
    )
    .await;
    let first = async || {
        let query = "{ branches(orderBy: POINTS_DESC, first: 1) { nodes { code points { total } } } }";
        app.viewer(None).data(query).await["branches"]["nodes"][0].clone()
    };
    assert_eq!(first().await, json!({ "code": "B02", "points": { "total": 5 } }));
    let campaign =
        json!({ "year": 2025, "theme": "t", "windowFrom": "2025-01-01", "windowTo": "2025-12-31" });
    app.admin()
        .mutate("openCampaign", "campaign { id }", campaign)
        .await
        .done();
    assert_eq!(first().await, json!({ "code": "B01", "points": { "total": 5 } }));
});

on_both!(branches_are_listed_by_points, |db| async move {
    let app = district(db).await;
    let entries: Vec<Value> = (0..12)
        .map(|n| {
            json!({ "eventId": format!("E{n}"), "branchCode": format!("B{n:02}"), "points": (n * 7) % 5 - 1,
                "occurredAt": "2026-01-01T04:00:00Z" })
        })
        .collect();
    push(app.adapter("EJIA"), json!(entries)).await;
    let query = "query($after: String) {
        branches(orderBy: POINTS_DESC, first: 7, after: $after) {
          edges { cursor node { code points { total } } } pageInfo { hasNextPage endCursor } } }";
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let answer = app.viewer(None).ask(query, json!({ "after": after })).await;
        let page = &answer.data()["branches"];
        for edge in page["edges"].as_array().unwrap() {
            let node = &edge["node"];
            seen.push((
                node["points"]["total"].as_i64().unwrap(),
                node["code"].as_str().unwrap().to_owned(),
            ));
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen.len(), 30);
    let mut expected = seen.clone();
    expected.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    assert_eq!(seen, expected);
    let below = r#"{ organization(by: { code: "C1" }) { branches(orderBy: POINTS_DESC, first: 3) {
        nodes { code } pageInfo { endCursor } } } }"#;
    let data = app.viewer(None).data(below).await;
    let end = data["organization"]["branches"]["pageInfo"]["endCursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let next = format!(
        r#"{{ organization(by: {{ code: "C1" }}) {{ branches(orderBy: POINTS_DESC, first: 3, after: "{end}") {{ nodes {{ code }} }} }} }}"#
    );
    let of_c1: Vec<&str> = expected.iter().map(|(_, code)| code.as_str()).collect();
    let first: Vec<&str> = codes(&data["organization"]["branches"]["nodes"]);
    let data = app.viewer(None).data(&next).await;
    let second: Vec<&str> = codes(&data["organization"]["branches"]["nodes"]);
    let place = |code: &&str| of_c1.iter().position(|other| other == code).unwrap();
    let places: Vec<usize> = first.iter().chain(&second).map(place).collect();
    assert!(places.is_sorted() && places.len() == 6, "{places:?}");
});

fn codes(nodes: &Value) -> Vec<&str> {
    nodes
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["code"].as_str().unwrap())
        .collect()
}
