//! What strangers may send, and what must hold whatever they send. Each function takes any bytes and panics where something
//! does not hold; cargo-fuzz looks for such bytes, and the tests replay those of `corpus/` (tests/it/corpus.rs).
#![allow(dead_code, reason = "each target of the fuzzer uses one of them")]

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::OnceLock,
};

use async_graphql::Variables;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use serde_json::Value;
use zhibu::{
    app::ZhibuEngine,
    auth::KeySet,
    graphql::{
        Engine, GraphqlRequest, Idempotency, Limits, Prepared,
        engine::{Fault, Takes},
        manifest, schema,
    },
    http::client::Proxies,
    kernel::{
        clock::{is_storable, parse_instant},
        id::GlobalId,
        message::Lang,
        page::{self, PageArgs},
        period::Period,
    },
    live::{
        cursor,
        socket::{Action, Event, OperationKey, Socket},
    },
    points::{
        self,
        rows::{ROW_LIMIT, Row, Rows, RowsError},
    },
};

/// A target by its name: that of its folder in the corpus too.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("document", document),
    ("variables", variables),
    ("frame", frame),
    ("rows", rows),
    ("cursor", cursor),
    ("manifest", manifest),
    ("key_set", key_set),
    ("head", head),
];

/// Bytes of errors that a document may be answered with, whatever stands in it.
const MOST_ERRORS: usize = 64 * 1024;

/// The real schema behind the real guard; built once, for it takes longer than a thousand documents.
pub fn engine() -> &'static ZhibuEngine {
    static ENGINE: OnceLock<ZhibuEngine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        Engine::new(schema::builder, &schema::hints(), Limits::default()).expect("the schema")
    })
}

/// A request as it has been read from its JSON.
pub fn request(query: &str, variables: Value) -> GraphqlRequest {
    GraphqlRequest {
        query: query.to_owned(),
        variables: Variables::from_json(variables),
        ..GraphqlRequest::default()
    }
}

/// What `Engine::prepare` says of a request.
pub fn prepare(query: &str, variables: Value) -> Result<Prepared, Fault> {
    let prepared = engine().prepare(request(query, variables), Takes::Any, &mut |_| Ok(()));
    match &prepared {
        Ok(prepared) => {
            assert!(prepared.cost() <= engine().limits().cost.max(engine().limits().introspection_cost))
        }
        Err(fault) => {
            let told = told(fault);
            assert!(told <= MOST_ERRORS, "{told} bytes of errors");
        }
    }
    prepared
}

/// Bytes of a fault's texts in both languages.
fn told(fault: &Fault) -> usize {
    match fault {
        Fault::Guard(refused) => {
            let error = refused.error();
            error.message().zh.len() + error.message().en.len()
        }
        Fault::Document(errors) => errors.iter().map(|error| error.message.len()).sum(),
        Fault::Invalid(places) => {
            let texts = places.iter().map(|place| place.error.message());
            texts.map(|text| text.zh.len() + text.en.len()).sum()
        }
        Fault::Request(errors) => {
            let texts = errors.iter().map(|error| error.message());
            texts.map(|text| text.zh.len() + text.en.len()).sum()
        }
    }
}

/// Any text as a document: it is refused, or planned; and what is planned also with variables.
pub fn document(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = prepare(text, Value::Null);
    let names = text.split('$').skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once(':')?;
        let is_name = name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric());
        (is_name && !name.is_empty()).then(|| name.to_owned())
    });
    let names: Vec<String> = names.take(50).collect();
    for shift in 0..4 {
        let values = [
            Value::from(i32::MAX),
            Value::from("2022-02-28"),
            Value::from(vec!["QnJhbmNoOjE"; 300]),
            Value::Null,
        ];
        if names.is_empty() {
            return;
        }
        let values = values.iter().cycle().skip(shift).cloned();
        let given: serde_json::Map<String, Value> = names.iter().cloned().zip(values).collect();
        let _ = prepare(text, Value::Object(given));
    }
}

/// Documents of the schema with variables of every kind of input.
pub const WITH_VARIABLES: &[&str] = &[
    "query($first: Int, $after: String, $filter: BranchFilter) { branches(first: $first, after: $after, filter: $filter) { nodes { id } } }",
    "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
    "query($by: BranchBy!) { branch(by: $by) { code } }",
    "query($id: ID!) { a: nodes(ids: [$id, $id, $id, $id]) { id } b: node(id: $id) { id } }",
    "mutation($input: PushPointsInput!) { pushPoints(input: $input) { accepted } }",
    "mutation($input: SaveBrandInput!) { saveBrand(input: $input) { brand { id } } }",
    "query($asOf: Date, $kinds: [HeadcountKind!]) { headcounts(asOf: $asOf, kinds: $kinds) { count } }",
    "query($filter: AuditFilter, $on: Boolean!) { auditEntries(filter: $filter) { totalCount @include(if: $on) } }",
    "query($period: Period, $domain: Domain = RURAL) { leaderboard(period: $period, domain: $domain) { participantCount } }",
    "subscription($after: ChangeCursor, $filter: ChangeFilter) { changes(after: $after, filter: $filter) { nodeId } }",
];

/// The first byte chooses a document; the others are the JSON of its variables.
pub fn variables(data: &[u8]) {
    let Some((first, json)) = data.split_first() else {
        return;
    };
    let document = WITH_VARIABLES[usize::from(first.wrapping_sub(b'0')) % WITH_VARIABLES.len()];
    let Ok(variables) = serde_json::from_slice(json) else {
        return;
    };
    let _ = prepare(document, variables);
}

/// Operations that a socket may run at once, here.
const OPERATIONS: usize = 4;

/// A socket, its peer and its driver. A line is a text frame; one that begins with `!` is what the driver says.
pub fn frame(data: &[u8]) {
    let mut peer = Peer::default();
    for line in String::from_utf8_lossy(data).split('\n').take(200) {
        let event = match line
            .strip_prefix('!')
            .map(|rest| rest.bytes().next().unwrap_or_default())
        {
            None => Event::Text(line.to_owned()),
            Some(what) => match (what, peer.oldest()) {
                (b'n', Some(key)) => Event::Next(key, Bytes::from_static(b"{\"data\":null}")),
                (b'f', Some(key)) => Event::Failed(key, Bytes::from_static(b"[]")),
                (b'e', Some(key)) => Event::Ended(key),
                (b'i', _) => Event::InitTimeout,
                (b'x', _) => Event::Expired,
                (b'y', _) => Event::Binary,
                _ => Event::Beat,
            },
        };
        let id = match &event {
            Event::Text(text) => serde_json::from_str(text)
                .ok()
                .and_then(|frame: Value| Some(frame.get("id")?.as_str()?.to_owned())),
            _ => None,
        };
        peer.happens(event, id.as_deref());
    }
}

struct Peer {
    socket: Socket,
    running: HashMap<OperationKey, String>,
    closed: bool,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            socket: Socket::new(OPERATIONS),
            running: HashMap::new(),
            closed: false,
        }
    }
}

impl Peer {
    fn oldest(&self) -> Option<OperationKey> {
        self.running.keys().min().copied()
    }

    fn happens(&mut self, event: Event, id: Option<&str>) {
        if let Event::Failed(key, _) | Event::Ended(key) = &event {
            self.running.remove(key);
        }
        // As the driver does it: what answers an action is heard behind the actions that are there already.
        let mut todo: VecDeque<Action> = self.socket.on(event).into();
        while let Some(action) = todo.pop_front() {
            assert!(!self.closed, "something happens behind the close: {action:?}");
            match action {
                Action::Send(text) => assert!(serde_json::from_slice::<Value>(&text).is_ok(), "{text:?}"),
                Action::Authenticate(token) => {
                    todo.extend(
                        self.socket
                            .on(Event::Authenticated(token.as_deref() != Some("no"))),
                    );
                }
                Action::Renew(token) => todo.extend(self.socket.on(Event::Renewed(token != "no"))),
                Action::Start(key, _) => {
                    let id = id.expect("an operation without an id").to_owned();
                    assert!(
                        !self.running.values().any(|other| *other == id),
                        "{id} runs twice"
                    );
                    assert!(self.running.insert(key, id).is_none(), "a key came again");
                    assert!(self.running.len() <= OPERATIONS, "too many at once");
                }
                Action::Refuse(key) => {
                    todo.extend(self.socket.on(Event::Failed(key, Bytes::from_static(b"[]"))))
                }
                Action::Stop(key) => assert!(self.running.remove(&key).is_some(), "stopped twice"),
                Action::Close(_) => {
                    self.closed = true;
                    self.running.clear();
                }
            }
        }
        assert_eq!(self.socket.operations(), self.running.len());
    }
}

/// A body of points. The first four bytes say where it is cut, which must make no difference.
pub fn rows(data: &[u8]) {
    let Some((cuts, body)) = data.split_first_chunk::<4>() else {
        return;
    };
    let whole = read(body, &[usize::MAX]);
    let cuts = cuts.map(|cut| usize::from(cut) + 1);
    assert_eq!(read(body, &cuts), whole, "cut at {cuts:?}");
    for row in &whole.0 {
        assert!(row.bytes.len() <= ROW_LIMIT);
        let _ = points::decode(&row.bytes);
    }
}

fn read(body: &[u8], cuts: &[usize]) -> (Vec<Row>, Result<(), RowsError>) {
    let (mut rows, mut found) = (Rows::default(), Vec::new());
    let mut rest = Bytes::copy_from_slice(body);
    let mut fed = Ok(());
    for cut in cuts.iter().cycle() {
        if rest.is_empty() || fed.is_err() {
            break;
        }
        let piece = rest.split_to((*cut).min(rest.len()));
        fed = rows.feed(&piece, |row| found.push(row));
    }
    let ended = fed.and_then(|()| rows.end(|row| found.push(row)));
    (found, ended)
}

/// A text as each kind of id, cursor and instant: what is read is written as something that is read as the same.
pub fn cursor(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(id) = GlobalId::decode(text) {
        assert_eq!(id.encode(), text);
    }
    if let Some(cursor) = cursor::Cursor::decode(text) {
        assert_eq!(cursor::Cursor::decode(&cursor.encode()), Some(cursor));
    }
    for (order, columns) in [("training.latest", 2), ("branch.code", 1)] {
        let after = |text: String| PageArgs {
            after: Some(text),
            ..PageArgs::default()
        };
        let Ok(request) = after(text.to_owned()).check(order, columns) else {
            continue;
        };
        let key = request.after.clone().expect("a key");
        let again = page::Cursor::new(order, key).encode();
        assert_eq!(after(again).check(order, columns), Ok(request));
    }
    if let Some(instant) = parse_instant(text).filter(|at| is_storable(*at)) {
        assert_eq!(parse_instant(&instant.to_rfc3339()), Some(instant));
    }
    if let Some(period) = Period::parse(text) {
        assert_eq!(Period::from_number(period.number()), Some(period));
        let (from, to) = period.bounds();
        assert!(from < to && period.first_day() <= period.last_day());
    }
}

/// Any text as a manifest of trusted documents; what it holds as documents.
pub fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(entries) = manifest::read(text) {
        for entry in entries.iter().take(20) {
            let _ = prepare(&entry.text, Value::Null);
        }
    }
}

/// Any bytes as the keys of an identity provider.
pub fn key_set(data: &[u8]) {
    if let Ok(set) = KeySet::read(data) {
        assert!(!set.keys.is_empty(), "a set of no use");
    }
}

/// What stands in heads of requests: languages, where they come from, keys. A line each.
pub fn head(data: &[u8]) {
    static MUTATION: OnceLock<Prepared> = OnceLock::new();
    let proxies = Proxies(vec!["10.0.0.0/8".parse().expect("a network")]);
    let peer = ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4000)));
    let mut extensions = axum::http::Extensions::new();
    extensions.insert(peer);
    let mut headers = axum::http::HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(20) {
        if let Ok(text) = std::str::from_utf8(line) {
            let _ = Lang::from_accept_language(Some(text));
        }
        if let Ok(value) = axum::http::HeaderValue::from_bytes(line) {
            headers.append("x-forwarded-for", value);
        }
        let prepared = MUTATION.get_or_init(|| {
            let submit = "mutation { submitBrand(input: { id: \"x\", version: 1 }) { brand { id } } }";
            prepare(submit, Value::Null).expect("a mutation")
        });
        let request = GraphqlRequest::default();
        if let Ok(key) = Idempotency::of(Some(line), &request, prepared.hash(), prepared.facts()) {
            let key = key.expect("a key");
            assert!((1..=255).contains(&key.key().len()));
        }
    }
    assert!(proxies.client(&headers, &extensions).is_some());
}
