//! The document guard: what a document may ask for, decided before anything recursive runs over it.
//!
//! Two stages. [`scan`] reads the text once, token by token, because the parser itself recurses on brackets.
//! [`measure`] walks the parsed document in time proportional to its length: each fragment is measured once,
//! however often it is spread, so that a chain of fragments, each spread twice, costs nothing to refuse.
//! Everything counted is counted as it would be executed, with fragments expanded and saturating arithmetic.

mod lexical;
mod measure;
mod usage;

pub(super) use lexical::Tokens;
pub use lexical::{Scanned, scan};
pub(super) use measure::cost_with;
pub use measure::{DocumentFacts, OperationFacts, measure};
pub(super) use usage::{check_kept_variables, check_variables};

use super::error::{ApiError, ErrorCode};
use crate::kernel::message::Message;

/// The nesting that a 2 MiB stack bears with room to spare; the parser aborts the process at some 1,500.
const MAX_NESTING: u64 = 128;

/// What a document may ask for. Room enough for GraphiQL's introspection and for a page of 50 branches with
/// brand, organization, term and pairings with their members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a document; 64 KiB unless set.
    pub document_bytes: u64,
    /// Brackets of any kind open at once in the text, and selections within selections with fragments
    /// expanded; 64 unless set, at most 128 whatever is set: the parser recurses on brackets.
    pub nesting: u64,
    /// Tokens of a document; 4,000 unless set.
    pub tokens: u64,
    /// Bytes of one name, aliases among them; 128 unless set. A field of a list is written once for each item, name and all: long
    /// ones make a large answer of a cheap document.
    pub name_bytes: u64,
    /// Fields within fields, introspection exempt; 15 unless set.
    pub depth: u64,
    /// Aliases; 60 unless set.
    pub aliases: u64,
    /// Directives; 60 unless set.
    pub directives: u64,
    /// Fields of the root; 20 unless set.
    pub root_fields: u64,
    /// Times one response key stands in one selection; 100 unless set.
    pub repeats: u64,
    /// Cost; 50,000 unless set. Fields cost what `graphql/costs.rs` says of them (most 1), and a connection's
    /// selection is multiplied by `first` or `last`, other lists by 5.
    pub cost: u64,
    /// The same for introspection, 200,000: room for one full introspection of a schema like ours.
    pub introspection_cost: u64,
    /// What validation has to look at; 20,000 unless set. Each selection counts once in every selection set that it is compared
    /// in, and each selection and use of a variable once in every operation that reaches it: a fragment that many operations
    /// spread is validated for each of them.
    pub validation_steps: u64,
    /// Bytes of the variables' values, each as often as the operation uses it; 4 MiB unless set. An argument that is made of
    /// variables is copied together from their values.
    pub variable_bytes: u64,
    /// Bytes of the variables' values of a subscription, which keeps them for as long as it lasts; 64 KiB unless set.
    pub subscription_variable_bytes: u64,
}

impl Limits {
    /// The same, as far as the parser bears it.
    #[must_use]
    pub fn bearable(self) -> Self {
        Self {
            nesting: self.nesting.min(MAX_NESTING),
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 64 * 1024,
            nesting: 64,
            tokens: 4_000,
            name_bytes: 128,
            depth: 15,
            aliases: 60,
            directives: 60,
            root_fields: 20,
            repeats: 100,
            cost: 50_000,
            introspection_cost: 200_000,
            validation_steps: 20_000,
            variable_bytes: 4 * 1024 * 1024,
            subscription_variable_bytes: 64 * 1024,
        }
    }
}

/// One of the [`Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// [`Limits::document_bytes`].
    DocumentBytes,
    /// [`Limits::nesting`].
    Nesting,
    /// [`Limits::tokens`].
    Tokens,
    /// [`Limits::name_bytes`].
    NameBytes,
    /// [`Limits::depth`].
    Depth,
    /// [`Limits::aliases`].
    Aliases,
    /// [`Limits::directives`].
    Directives,
    /// [`Limits::root_fields`].
    RootFields,
    /// [`Limits::repeats`].
    Repeats,
    /// [`Limits::cost`].
    Cost,
    /// [`Limits::introspection_cost`].
    IntrospectionCost,
    /// [`Limits::validation_steps`].
    ValidationSteps,
    /// [`Limits::variable_bytes`].
    VariableBytes,
    /// [`Limits::subscription_variable_bytes`].
    SubscriptionVariableBytes,
}

impl Limit {
    /// Its name in [`Limits`], the configuration and `extensions.limit`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DocumentBytes => "document_bytes",
            Self::Nesting => "nesting",
            Self::Tokens => "tokens",
            Self::NameBytes => "name_bytes",
            Self::Depth => "depth",
            Self::Aliases => "aliases",
            Self::Directives => "directives",
            Self::RootFields => "root_fields",
            Self::Repeats => "repeats",
            Self::Cost => "cost",
            Self::IntrospectionCost => "introspection_cost",
            Self::ValidationSteps => "validation_steps",
            Self::VariableBytes => "variable_bytes",
            Self::SubscriptionVariableBytes => "subscription_variable_bytes",
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::DocumentBytes => ("查询文档字节数", "The document's size in bytes"),
            Self::Nesting => ("嵌套层数", "The document's nesting"),
            Self::Tokens => ("词法单元数", "The document's number of tokens"),
            Self::NameBytes => ("名称字节数", "The size in bytes of a name"),
            Self::Depth => ("字段深度", "The document's depth in fields"),
            Self::Aliases => ("别名数", "The document's number of aliases"),
            Self::Directives => ("指令数", "The document's number of directives"),
            Self::RootFields => ("根字段数", "The operation's number of root fields"),
            Self::Repeats => ("同一字段的重复次数", "The number of times one field is repeated"),
            Self::Cost => ("查询开销", "The operation's cost"),
            Self::IntrospectionCost => ("内省开销", "The operation's cost in introspection"),
            Self::ValidationSteps => ("校验步数", "The document's number of steps of validation"),
            Self::VariableBytes => (
                "变量展开后的字节数",
                "The size in bytes of the variables, each as often as it is used,",
            ),
            Self::SubscriptionVariableBytes => (
                "订阅变量的字节数",
                "The size in bytes of a subscription's variables",
            ),
        }
    }
}

/// Why a document was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A limit was passed.
    Over {
        /// Which.
        limit: Limit,
        /// What it allows.
        allowed: u64,
        /// What the document comes to.
        found: u64,
    },
    /// A string that never ends, at this byte. Where it ends decides what is a bracket, so nothing is parsed.
    Unterminated {
        /// Where it begins, in bytes from the document's beginning.
        at: usize,
    },
}

impl Refused {
    /// The limit that was passed; none of a string that never ends.
    pub fn limit(self) -> Option<Limit> {
        match self {
            Self::Over { limit, .. } => Some(limit),
            Self::Unterminated { .. } => None,
        }
    }

    /// The refusal in words, with the limit and the value found.
    pub fn error(self) -> ApiError {
        match self {
            Self::Over {
                limit,
                allowed,
                found,
            } => {
                let (zh, en) = limit.words();
                let message = Message::new(
                    format!("{zh}为 {found}，超过上限 {allowed}"),
                    format!("{en} is {found}, the limit is {allowed}"),
                );
                ApiError::new(ErrorCode::QueryTooComplex, message)
                    .with("limit", limit.as_str())
                    .with("allowed", allowed)
                    .with("found", found)
            }
            Self::Unterminated { at } => ApiError::bad_request(Message::new(
                format!("语法错误：第 {at} 字节处的字符串没有结束"),
                format!("Syntax error: the string at byte {at} does not end"),
            )),
        }
    }
}

/// Checks what validation has come to look at.
pub(super) fn check_steps(limits: &Limits, found: u64) -> Result<(), Refused> {
    check(Limit::ValidationSteps, limits.validation_steps, found)
}

fn check(limit: Limit, allowed: u64, found: u64) -> Result<(), Refused> {
    if found > allowed {
        return Err(Refused::Over {
            limit,
            allowed,
            found,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
