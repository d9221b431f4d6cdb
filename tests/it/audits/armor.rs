//! graphql-armor (github.com/Escape-Technologies/graphql-armor): what is as large as a limit passes, what is larger by one does not.
//! Its plugin against suggestions is held to in `suggestions`.

use super::*;

const ALIASES: u64 = 15;
const DEPTH: u64 = 6;
const DIRECTIVES: u64 = 50;
const TOKENS: u64 = 1_000;
const CHARACTERS: u64 = 15_000;
const COST: u64 = 5_000;

async fn armored() -> TestApp {
    app(|config| {
        let graphql = &mut config.graphql;
        graphql.aliases = Some(ALIASES as u32);
        graphql.depth = Some(DEPTH as u32);
        graphql.directives = Some(DIRECTIVES as u32);
        graphql.tokens = Some(TOKENS as u32);
        graphql.document_bytes = Some(CHARACTERS as u32);
        graphql.cost = Some(COST as u32);
    })
    .await
}

/// `document` of so much passes, and of one more it is told what is allowed and what was found.
async fn assert_bound(limit: &str, allowed: u64, document: impl Fn(usize) -> String) {
    let app = armored().await;
    let viewer = app.viewer(None);
    let most = usize::try_from(allowed).unwrap();
    ask(&viewer, &app, &document(most)).await.data();
    assert_over(
        &ask(&viewer, &app, &document(most + 1)).await,
        limit,
        allowed,
        allowed + 1,
    );
    // A socket and an event stream hold to it as well.
    let mut socket = crate::support::socket::Socket::open(&app, viewer.token()).await;
    socket.subscribe("over", &document(most + 1), json!({})).await;
    let told = socket.hear().await;
    assert_eq!(told["type"], "error", "{told}");
    let of_socket = &told["payload"][0]["extensions"];
    let request = app
        .http()
        .post(format!("{}/graphql/stream", app.url))
        .bearer_auth(viewer.token().unwrap())
        .json(&json!({ "query": document(most + 1) }));
    let stream = request.send().await.unwrap().text().await.unwrap();
    let data = stream.lines().find_map(|line| line.strip_prefix("data: "));
    let of_stream: Value = serde_json::from_str(data.unwrap()).unwrap();
    for told in [of_socket, &of_stream["errors"][0]["extensions"]] {
        assert_eq!(
            (&told["code"], &told["limit"], &told["allowed"], &told["found"]),
            (
                &json!("QUERY_TOO_COMPLEX"),
                &json!(limit),
                &json!(allowed),
                &json!(allowed + 1)
            ),
            "{told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn max_aliases() {
    assert_bound("aliases", ALIASES, |n| {
        format!("{{ viewer {{ {} }} }}", many(n, |n| format!("a{n}: role ")))
    })
    .await;
    // In fragments, each as often as it is spread.
    assert_bound("aliases", ALIASES, |n| {
        let (five, rest) = (
            many(5, |n| format!("a{n}: role ")),
            many(n - 10, |n| format!("b{n}: role ")),
        );
        format!("{{ viewer {{ ...F ... {{ ...F {rest} }} }} }} fragment F on Viewer {{ {five} }}")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn max_depth() {
    assert_bound("depth", DEPTH, |n| {
        let (open, close) = ("parent { ".repeat(n - 2), "} ".repeat(n - 2));
        format!("{{ organization(by: {{ code: \"C1\" }}) {{ {open} id {close} }} }}")
    })
    .await;
    // Fragments are as deep as where they are spread and what is in them together.
    assert_bound("depth", DEPTH, |n| {
        let (open, close) = ("parent { ... { ".repeat(n - 4), "} } ".repeat(n - 4));
        format!(
            "{{ organization(by: {{ code: \"C1\" }}) {{ ...F }} }} \
             fragment F on Organization {{ parent {{ {open} ...G {close} }} }} \
             fragment G on Organization {{ parent {{ id }} }}"
        )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn max_directives() {
    assert_bound("directives", DIRECTIVES, |n| {
        format!("{{ viewer {{ {} }} }}", "role @include(if: true) ".repeat(n))
    })
    .await;
    // On spreads and inline fragments too, and in fragments as often as they are spread.
    assert_bound("directives", DIRECTIVES, |n| {
        format!(
            "{{ viewer {{ ...F @include(if: true) ... @skip(if: false) {{ ...F }} {} }} }} \
             fragment F on Viewer {{ role @include(if: true) subject @include(if: true) }}",
            "role @include(if: true) ".repeat(n - 6)
        )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn max_tokens() {
    assert_bound("tokens", TOKENS, |n| {
        let rest = "BRANCH ".repeat(n - 16);
        format!("{{ changes(filter: {{ topics: [{rest}] }}) {{ hasMore }} }}")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn character_limit() {
    assert_bound("document_bytes", CHARACTERS, |n| {
        let document = "{ viewer { role } } #";
        format!("{document}{}", "x".repeat(n - document.len()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cost_limit() {
    let app = armored().await;
    let viewer = app.viewer(None);
    let lists = |n: usize| {
        format!(
            "{{ organizations(first: {n}) {{ nodes {{ children(first: 20) {{ nodes {{ code name }} }} }} }} }}"
        )
    };
    let found = async |n: usize| {
        let answer = ask(&viewer, &app, &lists(n)).await;
        answer.body.get("errors")?;
        let found = answer.body["errors"][0]["extensions"]["found"].as_u64().unwrap();
        assert_over(&answer, "cost", COST, found);
        Some(found)
    };
    // A page more costs as much more, and the first that is too dear is told to be.
    let mut told = Vec::new();
    for n in [1, 10, 150, 199, 200] {
        told.push(found(n).await);
    }
    assert_eq!(told[..2], [None, None]);
    let dear: Vec<u64> = told[2..].iter().map(|found| found.unwrap()).collect();
    assert!(dear[0] > COST);
    assert_eq!((dear[1] - dear[0]) / 49, dear[2] - dear[1]);
    // By variables too, of which only a request knows.
    let by_variable = "query($n: Int!) { organizations(first: $n) { nodes { children(first: 20) { nodes { code name } } } } }";
    viewer.ask(by_variable, json!({ "n": 10 })).await.data();
    assert_over(
        &viewer.ask(by_variable, json!({ "n": 200 })).await,
        "cost",
        COST,
        dear[2],
    );
}
