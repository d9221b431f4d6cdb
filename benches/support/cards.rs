//! What a card on a phone shows of a branch, and the branches whose cards are the fullest: those in an active pairing.

use serde_json::Value;

/// One card, by a branch's code.
pub const DOCUMENT: &str = "query BranchCard($code: String!) {
  branch(by: { code: $code }) {
    id code name domain form status foundedOn memberCount
    organization { code name }
    brand { name slogan description }
    term { electedOn endsOn onTime }
    pairings(states: [ACTIVE], first: 5) {
      nodes { id form title startsOn members { role leftOn branch { code name } } }
    }
    trainingRecords(first: 5) { nodes { topic kind heldOn hours } }
  }
}";

/// The branches.
pub const CODES: &str = "{ branches(first: 100, filter: { paired: true }) { nodes { code } } }";

/// Their codes, of the answer to [`CODES`].
pub fn codes(answer: &Value) -> Option<Vec<String>> {
    let nodes = answer.pointer("/data/branches/nodes")?.as_array()?;
    let code = |node: &Value| node.get("code")?.as_str().map(str::to_owned);
    Some(nodes.iter().filter_map(code).collect())
}
