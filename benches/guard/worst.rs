//! The dearest requests that we can think of: at the limits of size, each after one rule of the guard, of validation or of
//! variables.

use serde_json::{Value, json};

/// Bytes of a document, unless configured otherwise.
const BYTES: usize = 64 * 1024;
/// Tokens, likewise.
const TOKENS: usize = 4_000;

/// A name, a document, its variables.
pub fn requests() -> Vec<(&'static str, String, Value)> {
    let none = || Value::Null;
    vec![
        (
            "one long string",
            format!(
                "{{ branch(by: {{ code: \"{}\" }}) {{ id }} }}",
                "a".repeat(BYTES - 60)
            ),
            none(),
        ),
        (
            "a string of escapes",
            format!(
                "{{ branch(by: {{ code: \"{}\" }}) {{ id }} }}",
                "\\u515a".repeat((BYTES - 60) / 6)
            ),
            none(),
        ),
        (
            "a block string of lines",
            format!(
                "{{ branch(by: {{ code: \"\"\"{}\"\"\" }}) {{ id }} }}",
                "  a\n".repeat((BYTES - 60) / 4)
            ),
            none(),
        ),
        (
            "one long comment",
            format!("#{}\n{{ viewer {{ role }} }}", "a".repeat(BYTES - 40)),
            none(),
        ),
        (
            "many comments",
            format!("{}{{ viewer {{ role }} }}", "#\n".repeat((BYTES - 40) / 2)),
            none(),
        ),
        (
            "blanks",
            format!("{}{{ viewer {{ role }} }}", " ".repeat(BYTES - 40)),
            none(),
        ),
        (
            "one long name",
            format!("{{ {} }}", "a".repeat(BYTES - 10)),
            none(),
        ),
        (
            "long unknown names",
            format!("{{ viewer {{ {} }} }}", names(50)),
            none(),
        ),
        (
            "unknown names",
            format!(
                "{{ viewer {{ {} }} }}",
                numbered(TOKENS - 10, |n| format!("x{n} "))
            ),
            none(),
        ),
        (
            "unknown names, nested",
            nested_inline("Query", 60, &numbered(TOKENS - 400, |n| format!("x{n} "))),
            none(),
        ),
        (
            "known names again and again",
            format!(
                "{{ viewer {{ {} }} }}",
                names_of(&["role", "subject", "sourceCode"], 290)
            ),
            none(),
        ),
        (
            "conflicting arguments",
            format!("{{ {} }}", conflicts(560)),
            none(),
        ),
        (
            "conflicting arguments, nested",
            nested_inline("Query", 60, &conflicts(500)),
            none(),
        ),
        (
            "known names, nested",
            nested_inline("Query", 60, &names_of(&["viewer{role}", "board{year}"], 90)),
            none(),
        ),
        (
            "fragments, each spreading the next, from many operations",
            operations_by_chain(200, 250),
            none(),
        ),
        (
            "fragments, each spreading all behind it",
            fragments_to_all(85),
            none(),
        ),
        (
            "one chain, from nested selections",
            chain_from_nested(180),
            none(),
        ),
        (
            "one chain, from many fields",
            chain_from_fields(200, 19, 60),
            none(),
        ),
        (
            "operations",
            numbered(TOKENS / 6, |n| format!("query Q{n}{{viewer{{role}}}} ")),
            none(),
        ),
        (
            "operations of one name",
            "query Q{viewer{role}} ".repeat(TOKENS / 6),
            none(),
        ),
        (
            "unused fragments",
            format!(
                "{{viewer{{role}}}} {}",
                numbered(TOKENS / 8, |n| format!("fragment F{n} on Viewer{{role}} "))
            ),
            none(),
        ),
        (
            "unknown fragments",
            format!("{{ {} }}", numbered(TOKENS / 2 - 10, |n| format!("...F{n} "))),
            none(),
        ),
        (
            "fragments of unknown types",
            format!(
                "{{ {} viewer{{role}} }}",
                numbered(TOKENS / 6, |n| format!("...on T{n}{{role}} "))
            ),
            none(),
        ),
        (
            "undefined variables",
            format!(
                "{{ nodes(ids: [{}]) {{ id }} }}",
                numbered(TOKENS / 2 - 10, |n| format!("$v{n} "))
            ),
            none(),
        ),
        (
            "undefined variables of many operations",
            undefined_of_operations(270, 1_000),
            none(),
        ),
        (
            "unused variables",
            format!(
                "query({}) {{ viewer {{ role }} }}",
                numbered(TOKENS / 4 - 10, |n| format!("$v{n}:Int "))
            ),
            none(),
        ),
        (
            "variables of unknown types",
            format!(
                "query({}) {{ viewer {{ role }} }}",
                numbered(TOKENS / 4 - 10, |n| format!("$v{n}:T{n} "))
            ),
            none(),
        ),
        ("variables where they do not fit", misfits(550, 800), none()),
        (
            "variables of one name",
            format!(
                "query({}) {{ viewer {{ role }} }}",
                "$v:Int ".repeat(TOKENS / 4 - 10)
            ),
            none(),
        ),
        (
            "long list of literals",
            format!("{{ nodes(ids: [{}]) {{ id }} }}", "1 ".repeat(TOKENS - 20)),
            none(),
        ),
        (
            "long list of wrong literals",
            format!(
                "{{ branches(filter: {{ domains: [{}] }}) {{ nodes {{ id }} }} }}",
                numbered(TOKENS - 30, |n| format!("D{n} "))
            ),
            none(),
        ),
        (
            "unknown arguments",
            format!(
                "{{ viewer({}) {{ role }} }}",
                numbered(TOKENS / 3 - 10, |n| format!("a{n}:1 "))
            ),
            none(),
        ),
        (
            "arguments of one name",
            format!("{{ viewer({}) {{ role }} }}", "a:1 ".repeat(TOKENS / 3 - 10)),
            none(),
        ),
        (
            "unknown fields of an input",
            format!(
                "{{ branches(filter: {{ {} }}) {{ nodes {{ id }} }} }}",
                numbered(TOKENS / 3 - 10, |n| format!("a{n}:1 "))
            ),
            none(),
        ),
        (
            "lists within lists",
            format!("{{ nodes(ids: {}1{}) {{ id }} }}", "[".repeat(58), "]".repeat(58)),
            none(),
        ),
        (
            "directives",
            format!(
                "{{ viewer {{ role {} }} }}",
                numbered(TOKENS / 2 - 10, |n| format!("@d{n} "))
            ),
            none(),
        ),
        (
            "a directive again and again",
            format!("{{ viewer {{ role {} }} }}", "@skip(if: false) ".repeat(60)),
            none(),
        ),
        (
            "aliases",
            format!(
                "{{ viewer {{ {} }} }}",
                numbered(TOKENS / 3 - 10, |n| format!("a{n}:role "))
            ),
            none(),
        ),
        (
            "one response name, deep down",
            format!("{{ {} }}", chained_names(85, 12)),
            none(),
        ),
        (
            "one response name, deep down, through fragments",
            names_through_fragments(60, 8),
            none(),
        ),
        (
            "one response name under fields of one name, through fragments",
            names_doubling(12),
            none(),
        ),
        (
            "one response name, of many types of an interface",
            names_of_types(14, 60),
            none(),
        ),
        (
            "one field with long arguments, again and again",
            format!(
                "{{ {} }}",
                format!("nodes(ids:[{}]){{id}} ", "1 ".repeat(35)).repeat(95)
            ),
            none(),
        ),
        (
            "variables in many places of many operations",
            variables_of_operations(95, 60),
            none(),
        ),
        (
            "many inputs of one field that are not",
            format!(
                "{{ {} }}",
                numbered(19, |n| format!(
                    "a{n}: branch(by: {{ {} }}) {{ id }} ",
                    numbered(60, |n| format!("code{n}: 1 "))
                ))
            ),
            none(),
        ),
        (
            "a name of a type under conditions, again and again",
            format!(
                "{{ viewer {{ {} }} }}",
                "__typename @include(if: true) ".repeat(60)
            ),
            none(),
        ),
        ("introspection in a circle", introspection_circle(8), none()),
        (
            "many large numbers",
            format!(
                "{{ branches(first: {}) {{ nodes {{ id }} }} }}",
                "9".repeat(BYTES - 60)
            ),
            none(),
        ),
        (
            "a number of many digits behind the point",
            format!("{{ a(x: 1.{}e9) }}", "3".repeat(BYTES - 60)),
            none(),
        ),
        ("brackets", "{".repeat(BYTES), none()),
        (
            "a hundred thousand undeclared variables",
            "{ viewer { role } }".to_owned(),
            object(100_000),
        ),
        (
            "undeclared variables and many that are declared",
            format!(
                "query({}) {{ viewer {{ role }} }}",
                numbered(TOKENS / 4 - 10, |n| format!("$v{n}:Int "))
            ),
            object(100_000),
        ),
        (
            "a long list of ids",
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }".to_owned(),
            json!({ "ids": vec!["QnJhbmNoOjE"; 70_000] }),
        ),
        (
            "a long list of ids in many fields",
            format!(
                "query($ids: [ID!]!) {{ {} }}",
                numbered(20, |n| format!("a{n}: nodes(ids: $ids) {{ id }} "))
            ),
            json!({ "ids": vec!["QnJhbmNoOjE"; 70_000] }),
        ),
        (
            "a long list of wrong ids",
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }".to_owned(),
            json!({ "ids": vec![json!({}); 300_000] }),
        ),
        (
            "one large variable, used a thousand times",
            format!(
                "query($v: ID!) {{ nodes(ids: [{}]) {{ id }} }}",
                "$v ".repeat(1_000)
            ),
            json!({ "v": "x".repeat(900_000) }),
        ),
        (
            "an input with a hundred thousand unknown fields",
            "mutation($i: SaveBrandInput!) { saveBrand(input: $i) { brand { id } } }".to_owned(),
            json!({ "i": object(100_000) }),
        ),
        (
            "entries",
            "mutation($i: PushPointsInput!) { pushPoints(input: $i) { accepted } }".to_owned(),
            entries(7_000),
        ),
        (
            "a deep value",
            "mutation($i: PushPointsInput!) { pushPoints(input: $i) { accepted } }".to_owned(),
            json!({ "i": deep(120) }),
        ),
    ]
}

fn numbered(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect()
}

fn names(length: usize) -> String {
    numbered(BYTES / (length + 8), |n| format!("{}{n:05} ", "x".repeat(length)))
}

fn names_of(fields: &[&str], count: usize) -> String {
    fields
        .iter()
        .map(|field| format!("{field} ").repeat(count.min(100)))
        .collect()
}

fn conflicts(count: usize) -> String {
    let fields = [
        "campaign",
        "figures",
        "board",
        "organizations",
        "nodes",
        "node",
        "leaderboard",
        "sites",
    ];
    numbered(count, |n| {
        format!("{}(a:{n}) ", fields.get(n % fields.len()).unwrap_or(&"node"))
    })
}

/// Selections that each stand in all of those around them.
fn nested_inline(on: &str, depth: usize, within: &str) -> String {
    format!(
        "{{ {} {within} {} }}",
        format!("...on {on}{{").repeat(depth),
        "}".repeat(depth)
    )
}

fn operations_by_chain(fragments: usize, operations: usize) -> String {
    let chain = numbered(fragments, |n| format!("fragment F{n} on Query{{...F{}}} ", n + 1));
    let last = format!("fragment F{fragments} on Query{{viewer{{role}}}} ");
    chain + &last + &numbered(operations, |n| format!("query Q{n}{{...F0}} "))
}

fn fragments_to_all(count: usize) -> String {
    let one = |n: usize| {
        format!(
            "fragment F{n} on Query{{viewer{{role}}{}}} ",
            numbered(count - n - 1, |m| format!("...F{} ", n + m + 1))
        )
    };
    format!(
        "{{...F0}} {}",
        (count - 40..count).map(one).collect::<String>()
            + &numbered(count - 40, |n| format!(
                "fragment F{n} on Query{{...F{}}} ",
                n + 1
            ))
    )
}

fn chain_from_nested(fragments: usize) -> String {
    let chain = numbered(fragments, |n| {
        format!("fragment F{n} on Query{{a:viewer{{role}} ...F{}}} ", n + 1)
    });
    chain
        + &format!("fragment F{fragments} on Query{{viewer{{role}}}} ")
        + &nested_inline("Query", 60, "...F0")
}

fn chain_from_fields(fragments: usize, fields: usize, depth: usize) -> String {
    let chain = numbered(fragments, |n| {
        format!("fragment F{n} on Viewer{{...F{}}} ", n + 1)
    });
    let within = format!("{}...F0{}", "...{".repeat(depth), "}".repeat(depth));
    chain
        + &format!("fragment F{fragments} on Viewer{{role}} ")
        + &format!(
            "{{ {} }}",
            numbered(fields.min(8), |_| format!("viewer{{{within}}} "))
        )
}

/// Fields of one name, each with the next below it.
fn chained_names(count: usize, depth: usize) -> String {
    let below = (0..depth).fold("id".to_owned(), |below, _| format!("successor{{{below}}}"));
    format!("branch(by:{{code:\"a\"}}){{{below}}} ").repeat(count)
}

/// Each level has the same fields of the next, some of them through a fragment.
fn names_through_fragments(count: usize, depth: usize) -> String {
    let one = |n: usize| {
        let below = if n < depth {
            format!("...F{}", n + 1)
        } else {
            "id".to_owned()
        };
        format!(
            "fragment F{n} on Branch{{{}}} ",
            format!("successor{{id {below}}} ").repeat(count / depth)
        )
    };
    format!(
        "{{ branch(by:{{code:\"a\"}}){{...F0}} }} {}",
        numbered(depth + 1, one)
    )
}

/// Each fragment spreads the next twice, under fields of one name.
fn names_doubling(depth: usize) -> String {
    let one = |n: usize| {
        format!(
            "fragment F{n} on Branch{{successor{{...F{} id}} successor{{...F{} code}}}} ",
            n + 1,
            n + 1
        )
    };
    format!(
        "{{ branch(by:{{code:\"a\"}}){{...F0}} }} {} fragment F{depth} on Branch{{id}}",
        numbered(depth, one)
    )
}

fn names_of_types(types: usize, names: usize) -> String {
    let known = [
        "Branch",
        "Organization",
        "Brand",
        "Pairing",
        "Rectification",
        "HealthCheck",
        "GoldApplication",
    ];
    let of = |n: usize| {
        format!(
            "...on {}{{{}}} ",
            known.get(n % known.len()).unwrap_or(&"Branch"),
            "id ".repeat((names / types).max(1))
        )
    };
    format!(
        "{{ node(id:1){{ {} {} }} }}",
        "id ".repeat(20),
        numbered(types, of)
    )
}

/// Each operation reaches all uses through one fragment.
fn variables_of_operations(operations: usize, usages: usize) -> String {
    let used = "$v ".repeat(usages);
    format!("fragment F on Query{{nodes(ids:[{used}]){{id}}}} ")
        + &numbered(operations, |n| format!("query Q{n}($v:Boolean!){{...F}} "))
}

fn undefined_of_operations(operations: usize, usages: usize) -> String {
    let used = numbered(usages, |n| format!("$v{n} "));
    format!("fragment F on Query{{nodes(ids:[{used}]){{id}}}} ")
        + &numbered(operations, |n| format!("query Q{n}{{...F}} "))
}

/// Each use is compared with all definitions.
fn misfits(definitions: usize, usages: usize) -> String {
    let defined = numbered(definitions, |n| format!("$variable{n:08}:Int "));
    let used = numbered(usages, |n| format!("$variable{:08} ", definitions - 1 - n % 10));
    format!("query({defined}){{nodes(ids:[{used}]){{id}}}}")
}

fn introspection_circle(depth: usize) -> String {
    format!(
        "{{ __schema {{ types {{ {} name {} }} }} }}",
        "fields { type { ".repeat(depth),
        "} } ".repeat(depth)
    )
}

fn object(count: usize) -> Value {
    Value::Object((0..count).map(|n| (format!("k{n}"), Value::from(1))).collect())
}

fn entries(count: usize) -> Value {
    let entry = json!({ "eventId": "E-1", "branchCode": "HC-0001", "activity": "THEME_DAY", "points": 5, "occurredAt": "2022-12-01T09:00:00+08:00" });
    json!({ "i": { "sourceCode": "EJIA", "entries": vec![entry; count] } })
}

fn deep(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |value, _| json!({ "entries": [value] }))
}
