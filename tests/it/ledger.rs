//! The ledger of points: entries in any order, any number of times, by several callers at once; asked through the write path.
//! Its doors to the API: `points`.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha20Rng;
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::json;
use zhibu::{
    jobs,
    kernel::{
        id::{BranchId, NodeId as _},
        points::Points,
    },
    points::{self, Activity, Delivered, EntryKind, Outcome, Push, Reason, Source},
    storage::write::{self, Actor},
};

use crate::support::{
    app::TestApp,
    branches::{by_code, create, done},
    on_both,
};

const BRANCHES: [&str; 3] = ["B1", "B2", "B3"];

/// A service with three branches, and a source.
async fn district(db: crate::support::TestDatabase) -> (TestApp, Source) {
    let app = TestApp::with_tree(db).await;
    for code in BRANCHES {
        create(&app, code, json!({ "foundedOn": "2019-05-01" })).await;
    }
    let source = app.open_source("EJIA").await;
    (app, source)
}

async fn branch_id(app: &TestApp, code: &str) -> BranchId {
    let branch = by_code(app.admin(), code).await;
    let id = branch["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{code}: {branch}"));
    BranchId::from_global(id).unwrap()
}

async fn push(app: &TestApp, source: &Source, entries: &[Delivered]) -> Vec<Outcome> {
    let push = Push {
        source: source.id,
        source_code: source.code.clone(),
        entries: entries.iter().cloned().map(Into::into).collect(),
    };
    let written = app
        .database
        .write(Actor::service("test"), None, push, |write, push| {
            Box::pin(points::push::push(write, push))
        })
        .await
        .unwrap();
    let write::Outcome::Done(outcomes) = written.outcome else {
        panic!("refused")
    };
    assert_eq!(outcomes.len(), entries.len());
    outcomes
}

fn entry(event_id: &str, kind: EntryKind, branch: &str, hundredths: i64, at: &str) -> Delivered {
    Delivered {
        event_id: event_id.to_owned(),
        revision: 1,
        branch_code: branch.to_owned(),
        kind,
        activity: Activity::ThemeDay,
        points: Points::from_hundredths(hundredths),
        occurred_at: at.parse().unwrap(),
        refers_to: None,
        note: None,
    }
}

fn earn(event_id: &str, branch: &str, hundredths: i64) -> Delivered {
    entry(
        event_id,
        EntryKind::Earn,
        branch,
        hundredths,
        "2025-07-01T04:00:00Z",
    )
}

fn answer(event_id: &str, kind: EntryKind, target: &str, hundredths: i64) -> Delivered {
    Delivered {
        refers_to: Some(target.to_owned()),
        ..entry(event_id, kind, "-", hundredths, "2025-07-02T04:00:00Z")
    }
}

/// Totals of a branch, as `2025-07: 5`.
async fn totals(app: &TestApp, branch: &str) -> BTreeMap<String, (String, i64)> {
    totals_of(app, branch_id(app, branch).await).await
}

async fn totals_of(app: &TestApp, id: BranchId) -> BTreeMap<String, (String, i64)> {
    let totals = points::totals(app.database.reader(), id).await.unwrap();
    let shown = totals
        .into_iter()
        .filter(|(_, (total, events))| !total.is_zero() || *events != 0);
    shown
        .map(|(period, (total, events))| (period.to_string(), (total.to_string(), events)))
        .collect()
}

/// What waits: content and reason.
async fn waiting(app: &TestApp) -> BTreeSet<(String, String)> {
    let sql = "SELECT payload, reason FROM quarantined_entry WHERE state = 'WAITING'";
    let statement = Statement::from_string(app.database.backend(), sql);
    let rows = app.database.reader().query_all_raw(statement).await.unwrap();
    let cell = |row: &sea_orm::QueryResult, name: &str| row.try_get::<String>("", name).unwrap();
    let all: Vec<_> = rows
        .iter()
        .map(|row| (cell(row, "payload"), cell(row, "reason")))
        .collect();
    let distinct: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!(distinct.len(), all.len(), "nothing waits twice");
    distinct
}

async fn agrees(app: &TestApp) {
    assert_eq!(points::verify_totals(app.database.reader()).await.unwrap(), 0);
}

fn total(amount: &str, events: i64) -> (String, i64) {
    (amount.to_owned(), events)
}

on_both!(an_entry_is_booked_found_booked_or_kept, |db| async move {
    let (app, source) = district(db).await;
    let push = async |entries: &[Delivered]| push(&app, &source, entries).await;
    let other = |entry: Delivered| Delivered {
        points: Points::from_hundredths(999),
        ..entry
    };
    use Outcome::{Accepted, Duplicate, Quarantined};
    // In one batch: booked, again, and with other content.
    let first = earn("e1", "Ｂ１", 550);
    assert_eq!(
        push(&[first.clone(), first.clone(), other(first.clone())]).await,
        [Accepted, Duplicate, Quarantined(Reason::ConflictingRepeat)]
    );
    // Across batches; the conflict is kept once.
    assert_eq!(
        push(&[other(first.clone()), first.clone()]).await,
        [Quarantined(Reason::ConflictingRepeat), Duplicate]
    );
    assert_eq!(waiting(&app).await.len(), 1);
    assert_eq!(totals(&app, "B1").await["2025-07"], total("5.5", 1));
    assert_eq!(totals(&app, "B1").await["2025"], total("5.5", 1));

    // Each of these waits for its own reason, and its neighbours are booked.
    let invalid = |change: fn(&mut Delivered)| {
        let mut entry = earn("bad", "B1", 100);
        change(&mut entry);
        entry
    };
    let long = "x".repeat(10_000);
    let outcomes = push(&[
        earn("e2", "B2", 100),
        earn("e3", "B9", 100),
        entry("e4", EntryKind::Earn, "B1", 100, "2026-03-02T02:05:01Z"),
        entry("e5", EntryKind::Earn, "B1", 100, "2026-03-02T02:05:00Z"),
        // Before the branch was founded nobody had its code.
        entry("e6", EntryKind::Earn, "B1", 100, "2019-04-30T04:00:00Z"),
        answer("r1", EntryKind::Reversal, "nothing", 0),
        invalid(|e| e.event_id.clear()),
        Delivered {
            event_id: long,
            ..earn("", "B1", 100)
        },
        invalid(|e| e.event_id = "a\0b".to_owned()),
        invalid(|e| e.revision = 0),
        invalid(|e| e.kind = EntryKind::Adjustment),
        invalid(|e| e.branch_code = "B1!".to_owned()),
        invalid(|e| e.refers_to = Some("e1".to_owned())),
        invalid(|e| e.note = Some("a\0b".to_owned())),
        answer("r2", EntryKind::Reversal, "", 0),
        // Of an answer the code is not used; but it is kept, and no column takes this.
        Delivered {
            branch_code: "a\0b".to_owned(),
            ..answer("r3", EntryKind::Reversal, "e1", 0)
        },
        earn("e7", "B3", -50),
    ])
    .await;
    let kept = |reason| Quarantined(reason);
    let mut expected = vec![
        Accepted,
        kept(Reason::UnknownBranch),
        kept(Reason::FutureDated),
        Accepted,
        kept(Reason::UnknownBranch),
        kept(Reason::UnknownReference),
    ];
    expected.extend([kept(Reason::InvalidField); 10]);
    expected.push(Accepted);
    assert_eq!(outcomes, expected);
    assert_eq!(waiting(&app).await.len(), 15);
    agrees(&app).await;
});

on_both!(what_waits_for_an_event_is_booked_with_it, |db| async move {
    let (app, source) = district(db).await;
    let push = async |entries: &[Delivered]| push(&app, &source, entries).await;
    use Outcome::{Accepted, Quarantined};
    let reversal = answer("r", EntryKind::Reversal, "e", 0);
    let correction = answer("c", EntryKind::Correction, "f", 300);
    let unknown = Quarantined(Reason::UnknownReference);
    assert_eq!(
        push(&[reversal.clone(), correction.clone()]).await,
        [unknown, unknown]
    );
    // The repeat of one that waits is answered the same, without a second row.
    assert_eq!(push(std::slice::from_ref(&reversal)).await, [unknown]);
    assert_eq!(waiting(&app).await.len(), 2);
    // Its event comes with another source: that is another event.
    let other = app.open_source("OTHER").await;
    self::push(&app, &other, &[earn("e", "B1", 700)]).await;
    assert_eq!(waiting(&app).await.len(), 2);
    assert_eq!(
        push(&[earn("e", "B1", 500), earn("f", "B2", 500)]).await,
        [Accepted; 2]
    );
    assert_eq!(waiting(&app).await, BTreeSet::new());
    assert_eq!(totals(&app, "B1").await["2025"], total("7", 2));
    assert_eq!(totals(&app, "B2").await["2025"], total("3", 1));
    // A reversal of the reversal names no EARN event.
    assert_eq!(push(&[answer("q", EntryKind::Reversal, "r", 0)]).await, [unknown]);
    agrees(&app).await;
});

on_both!(a_merged_branchs_points_count_for_its_successor, |db| async move {
    let (app, source) = district(db).await;
    // Once they are merged their codes lead to the successor.
    let mut ids = Vec::new();
    for code in BRANCHES {
        ids.push(branch_id(&app, code).await);
    }
    push(
        &app,
        &source,
        &[
            earn("e1", "B1", 500),
            earn("e2", "B2", 300),
            earn("e3", "B3", 100),
        ],
    )
    .await;
    for (from, into) in [(0, 1), (1, 2)] {
        let input = json!({
            "id": ids[from].global(), "version": 1,
            "intoBranchId": ids[into].global(),
            "effectiveOn": "2026-01-01", "reason": "区划调整",
        });
        done(&app, "mergeBranch", input).await;
        agrees(&app).await;
    }
    // Late entries under the old codes, and answers to early ones.
    push(
        &app,
        &source,
        &[
            earn("e4", "B1", 50),
            answer("r", EntryKind::Reversal, "e1", 0),
            answer("c", EntryKind::Correction, "e2", 200),
        ],
    )
    .await;
    assert_eq!(totals_of(&app, ids[0]).await["2025-07"], total("0.5", 2));
    assert_eq!(totals_of(&app, ids[1]).await["2025-07"], total("2.5", 3));
    assert_eq!(totals_of(&app, ids[2]).await["2025-07"], total("3.5", 4));
    agrees(&app).await;
});

on_both!(
    of_two_contents_under_one_key_at_once_one_is_booked,
    |db| async move {
        let (app, source) = district(db).await;
        push(&app, &source, &[earn("base", "B1", 100)]).await;
        for n in 0..20 {
            let name = format!("x{n}");
            // The same kind with other points, and another kind: an event of its own under the same key.
            let contents = [
                earn(&name, "B2", 100),
                earn(&name, "B2", 200),
                answer(&name, EntryKind::Correction, "base", 50),
            ];
            let pushes = contents
                .iter()
                .map(async |entry| push(&app, &source, std::slice::from_ref(entry)).await[0]);
            let outcomes = futures_util::future::join_all(pushes).await;
            let booked = outcomes.iter().filter(|outcome| **outcome == Outcome::Accepted);
            assert_eq!(booked.count(), 1, "{outcomes:?}");
            let kept = Outcome::Quarantined(Reason::ConflictingRepeat);
            assert_eq!(
                outcomes.iter().filter(|outcome| **outcome == kept).count(),
                2,
                "{outcomes:?}"
            );
        }
        agrees(&app).await;
    }
);

on_both!(
    what_waits_for_a_code_or_for_its_time_is_booked_when_it_comes,
    |db| async move {
        let (app, source) = district(db).await;
        let later = "2026-03-05T04:00:00Z";
        push(
            &app,
            &source,
            &[
                earn("e1", "B9", 100),
                earn("e2", "OLD", 200),
                // Before B9 was founded.
                entry("e3", EntryKind::Earn, "B9", 400, "2019-04-30T04:00:00Z"),
                entry("e4", EntryKind::Earn, "B1", 800, later),
                answer("r", EntryKind::Reversal, "e4", 0),
            ],
        )
        .await;
        jobs::sweep_points(&app.database).await.unwrap();
        assert_eq!(waiting(&app).await.len(), 5);

        create(&app, "B9", json!({ "foundedOn": "2019-05-01" })).await;
        // Another content under the key of one that could be booked by now: that one was received first.
        let other = push(&app, &source, &[earn("e1", "B9", 150)]).await;
        assert_eq!(other, [Outcome::Quarantined(Reason::ConflictingRepeat)]);
        assert_eq!(totals(&app, "B9").await["2025"], total("1", 1));
        let alias = json!({
            "branchId": branch_id(&app, "B2").await.global(), "code": "OLD", "sourceCode": "EJIA",
            "since": "2025-01-01",
        });
        done(&app, "addBranchAlias", alias).await;
        jobs::sweep_points(&app.database).await.unwrap();
        jobs::sweep_points(&app.database).await.unwrap();
        assert_eq!(totals(&app, "B9").await["2025"], total("1", 1));
        assert_eq!(totals(&app, "B2").await["2025"], total("2", 1));
        assert_eq!(waiting(&app).await.len(), 4);

        // Five minutes before its time, with the reversal that waited for it.
        app.clock.set("2026-03-05T03:54:59Z");
        jobs::sweep_points(&app.database).await.unwrap();
        assert_eq!(waiting(&app).await.len(), 4);
        app.clock.set("2026-03-05T03:55:00Z");
        jobs::sweep_points(&app.database).await.unwrap();
        assert_eq!(totals(&app, "B1").await["2026-03"], total("0", 1));
        let left: Vec<String> = waiting(&app)
            .await
            .into_iter()
            .map(|(_, reason)| reason)
            .collect();
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(
            left.contains(&"CONFLICTING_REPEAT".to_owned()) && left.contains(&"UNKNOWN_BRANCH".to_owned())
        );
        agrees(&app).await;
    }
);

/// Entries that meet: events with revisions that move them, reversals and corrections of these, unknown codes.
fn entries(rng: &mut ChaCha20Rng) -> Vec<Delivered> {
    let mut entries = BTreeMap::new();
    for _ in 0..160 {
        let kind = [
            EntryKind::Earn,
            EntryKind::Earn,
            EntryKind::Reversal,
            EntryKind::Correction,
        ][rng.random_range(0..4)];
        let n = rng.random_range(0..25);
        let name = match kind {
            EntryKind::Earn => format!("e{n}"),
            EntryKind::Reversal => format!("r{}", n % 8),
            _ => format!("c{}", n % 12),
        };
        let branch = ["B1", "B2", "B3", "B9"][rng.random_range(0..4)];
        let day = format!("2025-{:02}-15T04:00:00Z", rng.random_range(1..=12));
        let entry = Delivered {
            revision: rng.random_range(1..=3),
            refers_to: kind.answers().then(|| format!("e{}", rng.random_range(0..30))),
            ..entry(&name, kind, branch, rng.random_range(-500..2000), &day)
        };
        entries
            .entry((entry.event_id.clone(), entry.revision))
            .or_insert(entry);
    }
    entries.into_values().collect()
}

on_both!(
    the_order_and_number_of_deliveries_change_neither_totals_nor_what_waits,
    |db| async move {
        let (app, _) = district(db).await;
        let mut rng = ChaCha20Rng::seed_from_u64(20_200_701);
        let entries = entries(&mut rng);
        let mut seen = None;
        let mut before: BTreeMap<&str, BTreeMap<String, (Points, i64)>> = BTreeMap::new();
        for round in 0..5 {
            // Every order goes to a source of its own: what it adds must always be the same.
            let source = app.open_source(&format!("S{round}")).await;
            let mut order = entries.clone();
            order.extend(entries.iter().filter(|_| rng.random_bool(0.3)).cloned());
            order.shuffle(&mut rng);
            // Three callers at once, each with batches of its own sizes.
            let callers = order.chunks(order.len().div_ceil(3)).zip([1, 7, 40]);
            futures_util::future::join_all(callers.map(async |(entries, size)| {
                for batch in entries.chunks(size) {
                    push(&app, &source, batch).await;
                }
            }))
            .await;
            let mut added = BTreeMap::new();
            for branch in BRANCHES {
                let id = branch_id(&app, branch).await;
                let now: BTreeMap<String, (Points, i64)> = points::totals(app.database.reader(), id)
                    .await
                    .unwrap()
                    .into_iter()
                    .map(|(period, total)| (period.to_string(), total))
                    .collect();
                let earlier = before.entry(branch).or_default();
                for (period, (total, events)) in &now {
                    let (total_before, events_before) = earlier.get(period).copied().unwrap_or_default();
                    let more = (*total - total_before, events - events_before);
                    if more != (Points::ZERO, 0) {
                        added.insert((branch, period.clone()), more);
                    }
                }
                *earlier = now;
            }
            let sql = format!(
                "SELECT payload, reason FROM quarantined_entry WHERE state = 'WAITING' AND source_id = {}",
                source.id.0
            );
            let statement = Statement::from_string(app.database.backend(), sql);
            let rows = app.database.reader().query_all_raw(statement).await.unwrap();
            let mut waits: Vec<(String, String)> = rows
                .iter()
                .map(|row| {
                    (
                        row.try_get("", "payload").unwrap(),
                        row.try_get("", "reason").unwrap(),
                    )
                })
                .collect();
            waits.sort();
            assert!(
                added.len() > 20 && waits.len() > 20,
                "{} {}",
                added.len(),
                waits.len()
            );
            let expected = seen.get_or_insert_with(|| (added.clone(), waits.clone()));
            assert_eq!((&added, &waits), (&expected.0, &expected.1), "order {round}");
            agrees(&app).await;
        }
    }
);
