//! Documents that the guard lets through and that mean harm, or nothing.

use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Documents that almost make sense reach validation, where a panic would hide.
    #[test]
    fn nothing_that_parses_makes_validation_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "sum", "branch", "(by:", "(entries:", "{code:", "\"a\"", "}", ")", "{", "[", "]", "name", "...F", "... on Branch",
            "... on Nothing", "@skip(if:", "true", "$v", "null", "__typename", "__schema", "RURAL", "1", "a:", "id",
        ]), 1..30),
        head in prop::sample::select(vec![
            "{", "query($v: Entry!) {", "query($v: Nothing = 1) {", "mutation {", "query($v: [Int!]! = [1]) {",
            "subscription {", "query @deprecated {",
        ]),
        tail in prop::sample::select(vec!["", "fragment F on Branch { id }", "fragment F on Entry { id }", "fragment F on Nothing { ...F }"]),
    ) {
        let open = parts.iter().fold(Vec::new(), |mut open, part| {
            for c in part.chars() {
                match c {
                    '{' => open.push('}'),
                    '[' => open.push(']'),
                    '(' => open.push(')'),
                    '}' | ']' | ')' => { open.pop(); }
                    _ => {}
                }
            }
            open
        });
        let closing: String = open.iter().rev().collect();
        let query = format!("{head} {} {closing} }} {tail}", parts.join(" "));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let engine = engine();
        for variables in [json!({}), json!({ "v": 1 }), json!({ "v": {} })] {
            let answer = runtime.block_on(engine.execute(request(&query, variables), context()));
            prop_assert_ne!(answer.code(), Some(ErrorCode::Internal), "{}", query);
        }
    }
}

#[tokio::test]
async fn what_the_guard_lets_through_is_validated_in_no_time() {
    let engine = engine();
    let by = "branch(by: { code: \"a\" })";
    let unknown = |n: usize, length: usize| -> String {
        (0..n).map(|i| format!("f{i}{} ", "x".repeat(length))).collect()
    };
    let many_operations: String = (0..300)
        .map(|n| format!("query q{n} {{ ...F{} }} ", n % 20))
        .collect();
    let fragments: String = (0..20)
        .map(|n| format!("fragment F{n} on Query {{ lang {} }} ", unknown(15, 1)))
        .collect();
    let wide = format!("fragment W on Branch {{ {} }} ", unknown(1500, 1));
    let spread: String = (0..30).map(|n| format!("a{n}: {by} {{ ...W }} ")).collect();
    for document in [
        format!("{{ {by} {{ {} }} }}", unknown(3_000, 10)),
        format!("{{ {by} {{ {} }} }}", unknown(600, 90)),
        format!("{many_operations} {fragments}"),
        format!("{{ {by} {{ ...X }} }} fragment X on Query {{ {spread} }} {wide}"),
        format!(
            "query({}) {{ lang }}",
            (0..900).map(|n| format!("$v{n}: Nothing ")).collect::<String>()
        ),
        format!("{{ sum(entries: [{}]) }}", "{ points: 1 } ".repeat(600)),
        format!("{{ {by} {{ {} }} }}", "name(a: 1) ".repeat(100)),
    ] {
        let started = std::time::Instant::now();
        let answer = engine.execute(request(&document, json!({})), context()).await;
        assert!(
            started.elapsed() < std::time::Duration::from_millis(500),
            "{:.60}",
            document
        );
        assert!(answer.is_request_error(), "{:.60}", document);
        assert_ne!(answer.code(), Some(ErrorCode::Internal), "{:.60}", document);
    }
}

#[tokio::test]
async fn a_name_of_a_type_under_a_condition_may_stand_as_deep_as_anything() {
    let engine = engine();
    // The brackets of the directive are one more than those of its selections.
    for depth in [1, 60, 61, 62, 63] {
        let deep = |inner: &str| {
            format!(
                "{}{inner}{}",
                "{ ... ".repeat(depth - 1) + "{ ",
                " }".repeat(depth)
            )
        };
        let plain = ask(&engine, &deep("__typename"), json!({})).await;
        assert_eq!(plain, json!({ "data": { "__typename": "Query" } }), "{depth}");
        let query = format!("query($x: Boolean!) {}", deep("__typename @include(if: $x)"));
        for _ in 0..2 {
            let answer = ask(&engine, &query, json!({ "x": true })).await;
            assert_eq!(answer, plain, "{depth}");
        }
    }
}
