use super::*;

fn socket() -> Socket {
    Socket::new(2)
}

fn text(socket: &mut Socket, message: Value) -> Vec<Action> {
    socket.on(Event::Text(message.to_string()))
}

fn open() -> Socket {
    let mut socket = socket();
    let actions = text(&mut socket, json!({ "type": "connection_init" }));
    assert_eq!(actions, [Action::Authenticate(None)]);
    let actions = socket.on(Event::Authenticated(true));
    assert_eq!(actions, [send(&json!({ "type": "connection_ack" }))]);
    socket
}

fn subscribe(id: &str) -> Value {
    json!({ "id": id, "type": "subscribe", "payload": { "query": "{ lang }" } })
}

fn started(actions: &[Action]) -> OperationKey {
    match actions {
        [Action::Start(key, _)] => *key,
        other => panic!("{other:?}"),
    }
}

fn sent(actions: &[Action]) -> Value {
    match actions {
        [Action::Send(frame)] => serde_json::from_slice(frame).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn closes(actions: &[Action]) -> u16 {
    match actions {
        [Action::Close(close)] => close.frame().0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_protocol_does_not_know_closes_with_4400() {
    for message in [
        "",
        "{",
        "[]",
        "null",
        r#"{"type":"hello"}"#,
        r#"{"id":"1"}"#,
        r#"{"type":"subscribe","payload":{"query":"{ lang }"}}"#,
        r#"{"type":"subscribe","id":7,"payload":{"query":"{ lang }"}}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{ lang }"}}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ lang }","variables":[]}}"#,
        r#"{"type":"connection_init","payload":[]}"#,
        r#"{"type":"ping","payload":"x"}"#,
        r#"{"type":"complete"}"#,
        r#"{"type":"connection_ack"}"#,
        r#"{"type":"next","id":"1","payload":{}}"#,
    ] {
        let mut socket = open();
        let actions = socket.on(Event::Text(message.to_owned()));
        assert_eq!(closes(&actions), 4400, "{message}");
        // Nothing comes after a close.
        assert_eq!(text(&mut socket, subscribe("1")), []);
        assert_eq!(socket.on(Event::Beat), []);
    }
    assert_eq!(closes(&open().on(Event::Binary)), 4400);
}

#[test]
fn nobody_asks_before_the_connection_is_acknowledged() {
    let mut socket = socket();
    assert_eq!(closes(&text(&mut socket, subscribe("1"))), 4401);
    let mut socket = Socket::new(2);
    text(
        &mut socket,
        json!({ "type": "connection_init", "payload": { "authorization": "Bearer x" } }),
    );
    assert_eq!(closes(&text(&mut socket, subscribe("1"))), 4401);
}

#[test]
fn a_connection_is_initialised_once_and_in_time() {
    let mut socket = open();
    assert_eq!(
        closes(&text(&mut socket, json!({ "type": "connection_init" }))),
        4429
    );
    let mut socket = self::socket();
    text(&mut socket, json!({ "type": "connection_init" }));
    assert_eq!(
        closes(&text(&mut socket, json!({ "type": "connection_init" }))),
        4429
    );
    assert_eq!(closes(&self::socket().on(Event::InitTimeout)), 4408);
    assert_eq!(open().on(Event::InitTimeout), []);
}

#[test]
fn a_token_is_checked_and_ends_the_socket_when_it_ends() {
    let mut socket = socket();
    let init = json!({ "type": "connection_init", "payload": { "authorization": "Bearer x", "more": 1 } });
    assert_eq!(
        text(&mut socket, init),
        [Action::Authenticate(Some("Bearer x".to_owned()))]
    );
    assert_eq!(closes(&socket.on(Event::Authenticated(false))), 4403);
    let mut socket = self::socket();
    let init = json!({ "type": "connection_init", "payload": { "authorization": 7 } });
    assert_eq!(closes(&text(&mut socket, init)), 4403);
    assert_eq!(closes(&open().on(Event::Expired)), 4403);
    // A ping brings a new one.
    let ping = json!({ "type": "ping", "payload": { "authorization": "Bearer y" } });
    let mut socket = open();
    let actions = text(&mut socket, ping);
    assert_eq!(actions[0], Action::Renew("Bearer y".to_owned()));
    assert_eq!(sent(&actions[1..]), json!({ "type": "pong" }));
    assert_eq!(socket.on(Event::Renewed(true)), []);
    assert_eq!(closes(&socket.on(Event::Renewed(false))), 4403);
}

#[test]
fn pings_are_answered_both_ways() {
    let mut socket = open();
    assert_eq!(
        sent(&text(&mut socket, json!({ "type": "ping" }))),
        json!({ "type": "pong" })
    );
    let ping = json!({ "type": "ping", "payload": { "a": [1, 2] } });
    assert_eq!(
        sent(&text(&mut socket, ping)),
        json!({ "type": "pong", "payload": { "a": [1, 2] } })
    );
    assert_eq!(
        text(&mut socket, json!({ "type": "pong", "payload": { "a": 1 } })),
        []
    );
    assert_eq!(sent(&socket.on(Event::Beat)), json!({ "type": "ping" }));
    // Before the connection is acknowledged too, as the protocol has it: at any time.
    assert_eq!(
        sent(&text(&mut self::socket(), json!({ "type": "ping" }))),
        json!({ "type": "pong" })
    );
}

#[test]
fn an_operation_runs_under_its_id_until_it_ends() {
    let mut socket = open();
    let first = started(&text(&mut socket, subscribe("a\"b")));
    let next = socket.on(Event::Next(
        first,
        Bytes::from_static(b"{\"data\":{\"lang\":\"zh\"}}"),
    ));
    assert_eq!(
        sent(&next),
        json!({ "id": "a\"b", "type": "next", "payload": { "data": { "lang": "zh" } } })
    );
    assert_eq!(closes(&text(&mut { open_with(&["a"]) }, subscribe("a"))), 4409);
    assert_eq!(
        sent(&socket.on(Event::Ended(first))),
        json!({ "id": "a\"b", "type": "complete" })
    );
    // Its id may come again; what the first one still says is not taken for the second's.
    let second = started(&text(&mut socket, subscribe("a\"b")));
    assert_ne!(first, second);
    assert_eq!(socket.on(Event::Next(first, Bytes::from_static(b"{}"))), []);
    assert_eq!(socket.on(Event::Ended(first)), []);
    assert_eq!(
        text(&mut socket, json!({ "id": "a\"b", "type": "complete" })),
        [Action::Stop(second)]
    );
    assert_eq!(socket.on(Event::Next(second, Bytes::from_static(b"{}"))), []);
    assert_eq!(text(&mut socket, json!({ "id": "a\"b", "type": "complete" })), []);
    assert_eq!(socket.operations(), 0);
    let third = started(&text(&mut socket, subscribe("c")));
    let failed = socket.on(Event::Failed(
        third,
        Bytes::from_static(b"[{\"message\":\"no\"}]"),
    ));
    assert_eq!(
        sent(&failed),
        json!({ "id": "c", "type": "error", "payload": [{ "message": "no" }] })
    );
    assert_eq!(socket.operations(), 0);
}

fn open_with(ids: &[&str]) -> Socket {
    let mut socket = open();
    for id in ids {
        started(&text(&mut socket, subscribe(id)));
    }
    socket
}

#[test]
fn one_operation_too_many_is_refused_and_the_others_run_on() {
    let mut socket = open_with(&["1", "2"]);
    let refused = text(&mut socket, subscribe("3"));
    let [Action::Refuse(key)] = refused.as_slice() else {
        panic!("{refused:?}")
    };
    let failed = socket.on(Event::Failed(
        *key,
        Bytes::from_static(b"[{\"message\":\"too many\"}]"),
    ));
    let failed = sent(&failed);
    assert_eq!((&failed["type"], &failed["id"]), (&json!("error"), &json!("3")));
    assert_eq!(socket.operations(), 2);
    text(&mut socket, json!({ "id": "1", "type": "complete" }));
    started(&text(&mut socket, subscribe("3")));
}
