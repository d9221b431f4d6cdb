//! The demonstration's points, booked through the ledger: however they come, what the rules make of them all at once.

mod computed;
mod kills;
mod pulled;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use rand::{RngExt as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha20Rng;
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
};
use zhibu::{
    app,
    config::{Config, Overrides},
    demo::{self, District, rows::BranchRow},
    kernel::{
        clock::{Clock, day_in_shanghai},
        id::BranchId,
        period::Period,
        points::Points,
    },
    platform::{self, Turn, model::PullFault},
    points::{self, Delivered, EntryKind, Push, Reason, Source, reconcile::Reconciled},
    simulate::{self, Directory, Faults, List, Options, Platform, Reckoning, Server, Size},
    storage::write::Actor,
};

use crate::{
    faults::tally::{Tally, times},
    support::{
        app::{FakeClock, TestApp},
        on_both, process,
    },
};

/// The large simulation is for whoever has an hour.
fn size() -> Size {
    if times() < 10 { Size::Small } else { Size::Large }
}

/// Hundredths and events of branches in months and years.
type Totals = BTreeMap<(BranchId, Period), (i64, i64)>;
/// Event and revision of what waits, and why.
type Waiting = BTreeSet<(String, i32, &'static str)>;

/// Who has a code on a day.
fn holder(district: &District) -> impl Fn(&str, NaiveDate) -> Option<BranchId> {
    let own = district.branches.iter();
    let own = own.map(|row| (row.code.clone(), row.id, row.founded_on, NaiveDate::MAX));
    let aliases = district.aliases.iter();
    let aliases = aliases.filter(|row| ["", demo::SOURCE].contains(&row.source_code));
    let aliases = aliases.map(|row| {
        let until = row.until.unwrap_or(NaiveDate::MAX);
        (row.code.clone(), row.branch_id, row.since, until)
    });
    let mut held: HashMap<String, Vec<_>> = HashMap::new();
    for (code, branch, since, until) in own.chain(aliases) {
        held.entry(code).or_default().push((branch, since, until));
    }
    move |code, day| {
        let held = held.get(code)?.iter();
        let mut on = held.filter(|(_, since, until)| (*since..=*until).contains(&day));
        on.next().map(|(branch, ..)| *branch)
    }
}

/// What the rules of docs/domain.md, 14, make of all entries at once: neither order nor steps.
fn model(district: &District, entries: &[Delivered]) -> (Totals, Waiting) {
    let holder = holder(district);
    let day = |entry: &Delivered| day_in_shanghai(entry.occurred_at);
    let waits = |entry: &Delivered| match entry.kind {
        EntryKind::Earn if day(entry) > demo::BUSINESS_DATE => Some(Reason::FutureDated),
        EntryKind::Earn => holder(&entry.branch_code, day(entry))
            .is_none()
            .then_some(Reason::UnknownBranch),
        _ => None,
    };
    let earned: HashSet<&str> = entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Earn && waits(entry).is_none())
        .map(|entry| entry.event_id.as_str())
        .collect();
    let mut waiting = Waiting::new();
    let mut greatest: HashMap<(EntryKind, &str), &Delivered> = HashMap::new();
    for entry in entries {
        let target = entry.refers_to.as_deref();
        let lost = entry.kind.answers() && !target.is_some_and(|target| earned.contains(target));
        let reason = waits(entry).or(lost.then_some(Reason::UnknownReference));
        if let Some(reason) = reason {
            waiting.insert((entry.event_id.clone(), entry.revision, reason.as_str()));
            continue;
        }
        let slot = greatest.entry((entry.kind, &entry.event_id)).or_insert(entry);
        if slot.revision < entry.revision {
            *slot = entry;
        }
    }
    let mut answers: HashMap<&str, Vec<&Delivered>> = HashMap::new();
    for entry in greatest.values().filter(|entry| entry.kind.answers()) {
        answers
            .entry(entry.refers_to.as_deref().unwrap())
            .or_default()
            .push(entry);
    }
    let successors: HashMap<BranchId, BranchId> = district
        .branches
        .iter()
        .filter_map(|row| Some((row.id, row.successor_id?)))
        .collect();
    let mut totals = Totals::new();
    for event in greatest.values().filter(|entry| entry.kind == EntryKind::Earn) {
        let answers = answers
            .get(event.event_id.as_str())
            .map_or(&[][..], Vec::as_slice);
        let of = |kind| answers.iter().filter(move |entry| entry.kind == kind);
        let correction = of(EntryKind::Correction)
            .max_by_key(|entry| (entry.occurred_at, entry.event_id.as_str(), entry.revision));
        let value = match (of(EntryKind::Reversal).next(), correction) {
            (Some(_), _) => 0,
            (None, Some(correction)) => correction.points.hundredths(),
            (None, None) => event.points.hundredths(),
        };
        let month = Period::month_of(event.occurred_at);
        let mut branch = holder(&event.branch_code, day(event));
        while let Some(id) = branch {
            for period in [month, month.year()] {
                let total = totals.entry((id, period)).or_default();
                *total = (total.0 + value, total.1 + 1);
            }
            branch = successors.get(&id).copied();
        }
    }
    (totals, waiting)
}

async fn rows(app: &TestApp, sql: &str) -> Vec<sea_orm::QueryResult> {
    let statement = Statement::from_string(app.database.backend(), sql);
    app.database.reader().query_all_raw(statement).await.unwrap()
}

async fn totals(app: &TestApp) -> Totals {
    let sql =
        "SELECT branch_id, period, total, event_count FROM point_total WHERE event_count <> 0 OR total <> 0";
    let cells = |row: sea_orm::QueryResult| {
        let period: i32 = row.try_get("", "period").unwrap();
        let branch = BranchId(row.try_get("", "branch_id").unwrap());
        let total = (
            row.try_get("", "total").unwrap(),
            row.try_get("", "event_count").unwrap(),
        );
        ((branch, Period::from_number(period).unwrap()), total)
    };
    rows(app, sql).await.into_iter().map(cells).collect()
}

async fn waiting(app: &TestApp) -> Waiting {
    // Rows that are no entries have no event, and the list itself has none of them.
    let sql =
        "SELECT payload, reason FROM quarantined_entry WHERE state = 'WAITING' AND reason <> 'INVALID_FIELD'";
    let rows = rows(app, sql).await;
    let count = rows.len();
    let cells = |row: sea_orm::QueryResult| {
        let payload: String = row.try_get("", "payload").unwrap();
        let payload: Value = serde_json::from_str(&payload).unwrap();
        let reason: String = row.try_get("", "reason").unwrap();
        let event = payload["eventId"].as_str().unwrap().to_owned();
        let revision = payload["revision"].as_i64().unwrap() as i32;
        (event, revision, Reason::parse(&reason).unwrap().as_str())
    };
    let waiting: Waiting = rows.into_iter().map(cells).collect();
    assert_eq!(waiting.len(), count, "nothing waits twice");
    waiting
}

/// Totals, what waits, and what `zhibu verify` says.
async fn is_as_the_model_has_it(app: &TestApp, district: &District, list: &List) {
    let entries: Vec<Delivered> = list.delivered().collect();
    let (expected, waits) = model(district, &entries);
    let found = totals(app).await;
    assert!(expected.len() > 9000, "{}", expected.len());
    assert!(
        found == expected,
        "totals differ: {:?}",
        difference(&found, &expected)
    );
    let by_reason = |waiting: &Waiting| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (.., reason) in waiting {
            *counts.entry(reason).or_default() += 1;
        }
        counts
    };
    let found = waiting(app).await;
    assert_eq!(by_reason(&found), by_reason(&waits));
    assert_eq!(by_reason(&waits).len(), 3);
    assert_eq!(found, waits);
    for period in ["2025", "2025-07"] {
        ranks_are_the_models(app, district, &expected, period).await;
    }
    let url = app.config.database.url.as_ref().unwrap().expose();
    let dir = app.config.server.data_dir.to_str().unwrap();
    let verified = process::run(&["verify", "--database-url", url, "--data-dir", dir]);
    assert!(verified.status.success(), "{}", process::stderr(&verified));
    for what in ["points: agrees", "ranks: agrees"] {
        assert!(process::stdout(&verified).contains(what));
    }
}

/// What the service says of every branch in a period, beside what the model's totals come to: in the district, in the field and
/// below the committee.
async fn ranks_are_the_models(app: &TestApp, district: &District, totals: &Totals, period: &str) {
    const STANDINGS: &str = "query($period: Period, $after: String) { branches(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor } nodes { code points(period: $period) {
          total rank rankInDomain rankInOrganization } } } }";
    let of = Period::parse(period).unwrap();
    let regular: Vec<_> = district.branches.iter().filter(|row| row.is_regular()).collect();
    let total = |row: &BranchRow| totals.get(&(row.id, of)).map_or(0, |total| total.0);
    let rank = |row: &BranchRow, beside: &dyn Fn(&BranchRow) -> bool| {
        let above = |other: &&&BranchRow| beside(other) && total(other) > total(row);
        1 + regular.iter().filter(above).count()
    };
    let expected: BTreeMap<&str, Value> = regular
        .iter()
        .map(|row| {
            let in_domain = rank(row, &|other| other.domain == row.domain);
            let in_organization = rank(row, &|other| other.committee_id == row.committee_id);
            let standing = json!({ "total": total(row), "rank": rank(row, &|_| true), "rankInDomain": in_domain,
                "rankInOrganization": in_organization });
            (row.code.as_str(), standing)
        })
        .collect();
    let mut seen = 0;
    let mut after = Value::Null;
    loop {
        let variables = json!({ "period": period, "after": after });
        let answer = app.admin().ask(STANDINGS, variables).await;
        let page = &answer.data()["branches"];
        for node in page["nodes"].as_array().unwrap() {
            let Some(expected) = expected.get(node["code"].as_str().unwrap()) else {
                continue;
            };
            let mut standing = node["points"].clone();
            standing["total"] = json!((standing["total"].as_f64().unwrap() * 100.0).round() as i64);
            assert_eq!(&standing, expected, "{period} {}", node["code"]);
            seen += 1;
        }
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, expected.len());
}

/// Everything that the platform has, beside what is booked or waits.
async fn account(app: &TestApp, list: &List, what: &str, more: &str) {
    let has: BTreeSet<String> = list
        .delivered()
        .map(|entry| format!("{} {}", entry.event_id, entry.revision))
        .collect();
    let sql = "SELECT event_id, revision, id FROM point_entry";
    let mut there: Vec<(String, i64)> = Vec::new();
    for row in rows(app, sql).await {
        let event: String = row.try_get("", "event_id").unwrap();
        let revision: i32 = row.try_get("", "revision").unwrap();
        there.push((format!("{event} {revision}"), row.try_get("", "id").unwrap()));
    }
    let waits = waiting(app).await;
    there.extend(
        waits
            .into_iter()
            .map(|(event, revision, _)| (format!("{event} {revision}"), 0)),
    );
    let mut tally = Tally::default();
    tally.compare(has.iter().map(|name| (name.as_str(), None)), &there);
    tally.close(what, more);
    assert_eq!(there.len(), has.len(), "something that the platform has not");
}

/// The first few totals that differ.
fn difference<'a>(found: &'a Totals, expected: &'a Totals) -> Vec<impl std::fmt::Debug + 'a> {
    let keys: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differs = keys.into_iter().filter(|key| found.get(key) != expected.get(key));
    let beside = differs.map(|key| (key, found.get(key), expected.get(key)));
    beside.take(5).collect()
}

on_both!(
    its_points_are_booked_and_go_on_where_they_were_cut,
    |db| async move {
        let app = TestApp::with_demo(db).await;
        let district = simulate::district().unwrap();
        let list = Arc::new(simulate::build(&district, Size::Small));
        // Cut in the middle.
        let far = Arc::new(Notify::new());
        let told = far.clone();
        let cut = app::book_demo(
            &app.database,
            list.clone(),
            Arc::new(move |done, all| {
                assert!(done <= all);
                if done >= 5000 {
                    told.notify_one();
                }
            }),
        );
        tokio::select! {
            _ = cut => panic!("nobody cut it"),
            () = far.notified() => {}
        }
        let silent = Arc::new(|_, _| {});
        let started = Instant::now();
        let booked = app::book_demo(&app.database, list.clone(), silent.clone())
            .await
            .unwrap();
        eprintln!(
            "{:?}: {booked} entries in {:?}",
            app.database.backend(),
            started.elapsed()
        );
        let rest = list.len() as u64 - 5000;
        assert!((1..=rest).contains(&booked), "{booked}");
        is_as_the_model_has_it(&app, &district, &list).await;
        computed::verdicts_are_what_the_ledger_counts(&app).await;
        // There is nothing left to book.
        assert_eq!(
            app::book_demo(&app.database, list.clone(), silent).await.unwrap(),
            0
        );
        let sources = rows(&app, "SELECT code, name FROM point_source WHERE code <> 'LOCAL'").await;
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].try_get::<String>("", "code").unwrap(), demo::SOURCE);

        // The platform's own totals are the ledger's, but for what waits.
        let directory = Directory::of(&district);
        let reckoning = Reckoning::of(&list, &directory);
        let waits: HashSet<String> = waiting(&app).await.into_iter().map(|(event, ..)| event).collect();
        let under: HashSet<String> = list
            .delivered()
            .filter(|entry| waits.contains(&entry.event_id))
            .map(|entry| entry.branch_code)
            .collect();
        let (mut agreed, mut differ) = (0, 0);
        for period in Period::of_year(2022).unwrap().months() {
            let totals = reckoning.totals(&directory, period).into_iter();
            let totals = totals.map(|(code, total)| (code.to_owned(), total)).collect();
            let compared = compare(&app, period, totals).await;
            agreed += compared.agreed;
            differ += compared.differences.len();
            for difference in compared.differences {
                assert!(difference.platform.is_some(), "{difference:?}");
                assert!(under.contains(&difference.branch_code), "{difference:?}");
            }
        }
        assert!(agreed > 9000 && differ > 30, "{agreed} {differ}");
        computed::closing_changes_nothing(&app).await;
    }
);

async fn compare(app: &TestApp, period: Period, totals: Vec<(String, Points)>) -> Reconciled {
    let source = app.open_source(demo::SOURCE).await;
    let reader = app.database.reader();
    points::reconcile::compare(reader, &source, period, &totals)
        .await
        .unwrap()
}

async fn push(app: &TestApp, source: &Source, entries: &[Delivered]) {
    let push = Push {
        source: source.id,
        source_code: source.code.clone(),
        entries: entries.iter().cloned().map(Into::into).collect(),
    };
    app.database
        .write(Actor::service("test"), None, push, |write, push| {
            Box::pin(points::push::push(write, push))
        })
        .await
        .unwrap();
}

on_both!(
    its_points_come_to_the_same_in_any_order_and_number,
    |db| async move {
        let app = TestApp::with_demo(db).await;
        let district = simulate::district().unwrap();
        let list = simulate::build(&district, Size::Small);
        let source = app.open_source(demo::SOURCE).await;
        let mut rng = ChaCha20Rng::seed_from_u64(20_200_701);
        let mut order: Vec<Delivered> = list.delivered().collect();
        let again: Vec<Delivered> = order.iter().filter(|_| rng.random_bool(0.05)).cloned().collect();
        order.extend(again);
        order.shuffle(&mut rng);
        // Two callers at once, with batches of their own sizes.
        let (one, other) = order.split_at(order.len() / 2);
        let call = async |entries: &[Delivered], size: usize| {
            for batch in entries.chunks(size) {
                push(&app, &source, batch).await;
            }
        };
        tokio::join!(call(one, 1000), call(other, 700));
        is_as_the_model_has_it(&app, &district, &list).await;
    }
);

/// What goes wrong while the list is pulled.
const FAULTS: [&str; 9] = [
    "latency=0.1,5ms",
    "status500=0.1",
    "status429=0.05,0s",
    "dropped=0.1",
    "expiredToken=0.1",
    "repeatedPage=0.1",
    "reordered=0.3",
    "malformed=0.3",
    "renamedFields=next:1",
];

on_both!(
    they_are_pulled_whatever_goes_wrong_and_come_to_the_same,
    |db| async move {
        let time = Clock::new(Arc::new(FakeClock::new()));
        time.pin_business_date(demo::BUSINESS_DATE);
        let district = simulate::district().unwrap();
        let list = simulate::build(&district, Size::Small);
        let mut faults = Faults::default();
        faults.extend(FAULTS.map(|fault| fault.parse().unwrap()));
        let platform = Platform::new(&district, list.clone(), time, faults, 1);
        let options = Options {
            client_id: "zhibu".to_owned(),
            client_secret: "geheim".to_owned(),
            per_minute: None,
        };
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::new(listener, platform, options, &mut rng).unwrap();
        let settings = server.settings().to_string();
        let stop = watch::Sender::new(false);
        tokio::spawn(server.run(stop.subscribe()));

        let mut sources = Config::parse(Some(("simulator", &settings)), [], &Overrides::default())
            .unwrap()
            .sources;
        let limits = &mut sources[0].pull.as_mut().unwrap().limits;
        limits.requests_per_minute = 60_000;
        limits.retry_wait = Duration::from_millis(10);
        let app = TestApp::with_config(db, |config| config.sources = sources).await;
        app.load_demo().await;
        let mut puller = app.app.pullers("holder", &mut rng).await.unwrap().remove(0);
        let mut stopped = stop.subscribe();
        let mut ends = Vec::new();
        while ends.last() != Some(&Turn::Pulled(None)) {
            ends.push(puller.turn(&mut stopped).await.unwrap());
            assert!(ends.len() < 50, "{ends:?}");
            app.clock.advance(chrono::Duration::hours(2));
        }
        let renamed = |turn: &Turn| matches!(turn, Turn::Pulled(Some(PullFault::AllUnreadable { .. })));
        assert!(ends.iter().any(renamed), "{ends:?}");
        is_as_the_model_has_it(&app, &district, &list).await;
        // Its totals were compared; they differ where entries wait for a code, and those months are read again.
        let state = platform::state(app.database.reader(), puller.source().id).await;
        assert!(state.unwrap().unwrap().reconciled_on.is_some());
    }
);
